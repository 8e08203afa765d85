"""Beside stage 5: what a second full-reference metric says of the chosen rows."""
