"""What a scan is asked to do; whatever of it changes a stored result is part of its key."""

from __future__ import annotations

from dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest

VERSION = 1
"""Raised when the same file and model begin to give another result."""
MOST_EXCERPTS = 20


@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """How much of each recording is listened to."""

    n_excerpts: int = 3
    """Excerpts of 10 s a recording, spread evenly (`reading.py`)."""
    full: bool = False
    """Whether the whole recording is scored, window by window, in place of the excerpts."""

    def __post_init__(self) -> None:
        if not 1 <= self.n_excerpts <= MOST_EXCERPTS:
            raise SettingsError(
                f"n_excerpts={self.n_excerpts}: expected 1 to {MOST_EXCERPTS}; for more of each "
                "recording use --full"
            )

    def key(self, model_digest: str) -> str:
        """Return the hash of all that a result depends on beside the file."""
        return digest(
            {
                "version": VERSION,
                "model": model_digest,
                "n_excerpts": 0 if self.full else self.n_excerpts,
                "full": self.full,
            }
        )
