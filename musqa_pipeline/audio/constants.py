"""Constants of all audio in musqa after stage 1: mono, 48 kHz, 10 s (paper 001, III.A)."""

SAMPLE_RATE_HZ = 48_000
EXCERPT_S = 10
EXCERPT_SAMPLES = EXCERPT_S * SAMPLE_RATE_HZ
TAIL_SAMPLES = 9_600
"""Samples stored after an excerpt's end: 200 ms, more than four frames of any codec and enough
for a cascade. They feed encoders, which swallow or damage the end, and are never scored."""
