"""Lossy origin: whether a recording was coded by a lossy codec before; base installation only."""
