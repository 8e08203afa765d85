"""A process in words."""

from __future__ import annotations

CODEC_NAMES = {"lowpass": "low-pass", "adts": "AAC (adts)", "ogg": "Ogg Vorbis", "opus": "Opus"}


def process_words(name: str, bitrate_kbps: float | None, cutoff_hz: float | None) -> str:
    """Say what one process is."""
    words = CODEC_NAMES.get(name, name)
    if bitrate_kbps is not None:
        return f"{words} {bitrate_kbps:g} kbit/s"
    return f"{words} {cutoff_hz / 1_000:g} kHz" if cutoff_hz is not None else words
