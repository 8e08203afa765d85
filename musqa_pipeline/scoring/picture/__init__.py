"""Spectrograms to look at: any part of a recording, as levels and as a painted file."""
