"""Exports: a published set as files for other tools, with a card that says what it is."""
