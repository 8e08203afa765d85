"""Endings of the names of audio files."""

from __future__ import annotations

AUDIO_SUFFIXES = frozenset(
    {
        ".wav", ".wave", ".bwf", ".w64", ".rf64", ".flac", ".aif", ".aiff", ".aifc", ".caf", ".au",
        ".snd", ".mp3", ".mp2", ".m4a", ".m4b", ".mp4", ".aac", ".adts", ".alac", ".ogg", ".oga",
        ".opus", ".wma", ".wv", ".ape", ".tta", ".mka", ".webm", ".ac3", ".dsf",
    }
)  # fmt: skip
"""Files with one of these endings are units; other files are counted and left alone."""
