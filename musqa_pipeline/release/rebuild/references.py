"""Finding the references of a recipe in any folders, by their samples and never by their names.

What may lie there: the tracks themselves, of which the excerpt is cut again, or the references with
their tails as `musqa recipe export --references` writes them.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.excerpts.cut import find_window, level
from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.audio.files.limits import MAX_DURATION_S
from musqa_pipeline.audio.files.listing import AUDIO_SUFFIXES
from musqa_pipeline.core.errors import StageError, UnfitInputError
from musqa_pipeline.core.progress import StageProgress
from musqa_pipeline.release.rebuild.file import reference_hash

REFERENCE_SAMPLES = EXCERPT_SAMPLES + TAIL_SAMPLES
SLACK_S = 1.0
"""Headers of lossy files are off by less."""


@dataclass(frozen=True)
class Source:
    """Where a reference comes from."""

    path: Path
    start_frame: int | None
    """Where it starts in a track; None for a file that is the reference itself."""


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    sources: dict[tuple[str, str], Source]
    """By catalog and excerpt_id."""
    n_files: int
    """Audio files that were there."""


def find_references(rows: pl.DataFrame, folders: Sequence[Path]) -> Found:
    """Look for the references of a recipe."""
    for folder in folders:
        if not folder.is_dir():
            raise StageError(f"--references {folder}: no such folder; name folders of music")
    keys: dict[str, list[tuple[str, str]]] = defaultdict(list)
    of_track: dict[str, list[tuple[tuple[str, str], int]]] = defaultdict(list)
    shapes: set[tuple[int, int, int]] = set()
    columns = (
        "catalog", "excerpt_id", "reference_hash", "track_pcm_hash", "reference_start_s",
        "track_sample_rate_hz", "track_channels", "track_duration_s",
    )  # fmt: skip
    for catalog, excerpt_id, digest, track, start_s, rate, channels, duration_s in (
        rows.select(columns).unique(["catalog", "excerpt_id"], maintain_order=True).rows()
    ):
        keys[digest].append((catalog, excerpt_id))
        of_track[track].append(((catalog, excerpt_id), round(start_s * rate)))
        shapes.add((rate, channels, round(duration_s * rate)))
    wanted = {key for of_digest in keys.values() for key in of_digest}
    sources: dict[tuple[str, str], Source] = {}
    files = [path for folder in folders for path in audio_files(folder)]
    with StageProgress("search", len(files)) as progress:
        for path in files:
            if len(sources) < len(wanted):
                for digest in _hashes_of(path, shapes):
                    for key in keys.get(digest, ()):
                        sources[key] = Source(path, None)  # needs no cutting, so it wins
                    for key, start_frame in of_track.get(digest, ()):
                        sources.setdefault(key, Source(path, start_frame))
            progress.advance()
    return Found(sources, len(files))


def audio_files(folder: Path) -> Iterator[Path]:
    """List the audio files below a folder."""
    for where, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in AUDIO_SUFFIXES and not name.startswith("."):
                yield Path(where) / name


def load_reference(source: Source, *, target_lufs: float) -> NDArray[np.int16]:
    """Read a reference, or cut it out of its track as the stage `excerpts` does.

    Raises StageError if the file does not decode any more.
    """
    try:
        if source.start_frame is None:
            with open_audio(
                source.path, max_duration_s=REFERENCE_SAMPLES / SAMPLE_RATE_HZ + SLACK_S
            ) as audio:
                return _as_16_bit(np.concatenate([block[:, 0] for block in audio.blocks]))
        with open_audio(source.path, n_frames=0) as audio:
            rate = audio.info.sample_rate_hz
        window = find_window(
            source.path, [source.start_frame], sample_rate_hz=rate, least_lufs=-math.inf
        )
    except UnfitInputError as error:
        raise StageError(f"{source.path} cannot be read any more: {error.detail}") from error
    if window is None:
        raise StageError(f"{source.path} is silent where the reference should be")
    return level(window, target_lufs).samples


def _as_16_bit(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.rint(samples.astype(np.float64) * 32768.0).clip(-32768, 32767).astype(np.int16)


def _hashes_of(path: Path, shapes: set[tuple[int, int, int]]) -> list[str]:
    """Hash a file as a track and, if it can be one, as a reference; nothing if it is neither."""
    try:
        with open_audio(path, n_frames=0) as audio:
            info = audio.info
        rate, channels = info.sample_rate_hz, info.channels
        alike = [n for r, c, n in shapes if (r, c) == (rate, channels)]
        near = any(abs(n - info.declared_frames) <= SLACK_S * rate for n in alike)
        as_track = bool(alike) and (near or info.declared_frames == 0)
        as_reference = (rate, channels) == (SAMPLE_RATE_HZ, 1) and (
            info.declared_frames == REFERENCE_SAMPLES
        )
        if not (as_track or as_reference):
            return []
        hasher = hashlib.blake2b(f"{rate} {channels} ".encode(), digest_size=16)
        kept = []
        longest_s = (info.declared_frames or max(alike)) / rate + SLACK_S
        with open_audio(path, max_duration_s=min(longest_s, MAX_DURATION_S)) as audio:
            for block in audio.blocks:
                hasher.update(np.ascontiguousarray(block, dtype="<f4").tobytes())
                if as_reference:
                    kept.append(block[:, 0])
    except UnfitInputError:  # a file that is no audio is none of the references
        return []
    found = [hasher.hexdigest()] if as_track else []
    if as_reference:
        found.append(reference_hash(_as_16_bit(np.concatenate(kept))))
    return found
