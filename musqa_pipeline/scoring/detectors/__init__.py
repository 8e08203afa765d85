"""Detectors: what is wrong with a recording, and where; simple, explained, base only."""
