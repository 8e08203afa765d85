"""A process in words."""

from __future__ import annotations

from musqa_pipeline.core.settings.per_catalog import CARRIER_NAMES, EFFECT_NAMES

CODEC_NAMES = {
    "lowpass": "low-pass",
    "mp2": "MP2",
    "mp3": "MP3",
    "adts": "AAC",
    "ogg": "Vorbis",
    "opus": "Opus",
    "white_noise": "white noise",
    "pink_noise": "pink noise",
    "bit_crush": "bit crusher",
    "lp": "LP",
}
"""Names for people, where they are others."""
NO_CODECS = ("lowpass", "resample", *EFFECT_NAMES, *CARRIER_NAMES)
"""Degradations that are filters, effects or carriers."""


def process_words(name: str, bitrate_kbps: float | None, cutoff_hz: float | None) -> str:
    """Say what one process is."""
    words = CODEC_NAMES.get(name, name)
    if bitrate_kbps is not None:
        return f"{words} {bitrate_kbps:g} kbit/s"
    return f"{words} {cutoff_hz / 1_000:g} kHz" if cutoff_hz is not None else words
