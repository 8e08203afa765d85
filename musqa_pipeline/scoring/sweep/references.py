"""The references of a sweep: excerpts of the files that a user names, cut as the factory cuts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.audio.excerpts.cut import candidate_starts, find_window, level, n_excerpts
from musqa_pipeline.audio.files.decoding import read_length
from musqa_pipeline.audio.files.listing import AUDIO_SUFFIXES
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.foreign_text import path_text

TARGET_LUFS = -23.0
"""Loudness of an excerpt, as the labels of the factory have it (paper 001, III.B step 5)."""
LEAST_LUFS = -45.0
"""A quieter place of a file is no music to judge a codec by."""


@dataclass(frozen=True, eq=False)
class SweepReference:
    """One excerpt that is encoded."""

    recording: str
    """Name of the file that it was cut from."""
    index: int
    """Which excerpt of the file, from 0."""
    start_s: float
    pcm: NDArray[np.int16]
    """Shape (480000 + tail,): mono, 48 kHz, -23 LUFS."""


def reference_files(path: Path) -> list[Path]:
    """Find the files of a sweep, sorted by name: a file of audio, or those of a folder.

    Raise SettingsError if there is none.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
        if not files:
            raise SettingsError(f"{path_text(path)} holds no audio file; check the path")
        return files
    if not path.is_file():
        raise SettingsError(f"{path_text(path)} does not exist; check the path")
    return [path]


def cut_references(path: Path, *, n_per_file: int, name: str) -> list[SweepReference]:
    """Cut up to `n_per_file` excerpts out of a file, called `name`; shorter files give fewer.

    There is one at least, and no overlap. Where they lie depends on what the file holds, not on its
    name. Raise UnfitInputError if the file cannot be read, is out of the limits or shorter than 10
    s, or has no excerpt loud enough.
    """
    info, n_frames = read_length(path)
    rate_hz = info.sample_rate_hz
    n = n_excerpts(n_frames / rate_hz, n_per_file)
    if not n:
        raise UnfitInputError(
            "too_short", f"it lasts {n_frames / rate_hz:.3f} s", f"encode at least {EXCERPT_S} s"
        )
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "blake2b").hexdigest()
    found = []
    for index in range(n):
        starts = candidate_starts(
            n_frames=n_frames,
            sample_rate_hz=rate_hz,
            n_in_track=n,
            index=index,
            seed=0,
            track_id=content,
        )
        window = find_window(path, starts, sample_rate_hz=rate_hz, least_lufs=LEAST_LUFS)
        if window is not None:
            pcm = level(window, TARGET_LUFS).samples
            found.append(SweepReference(name, index, window.start_frame / rate_hz, pcm))
    if not found:
        raise UnfitInputError(
            "too_quiet", f"nothing in it is louder than {LEAST_LUFS:.0f} LUFS", "name another file"
        )
    return found
