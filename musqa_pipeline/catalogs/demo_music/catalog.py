"""The demo catalog as a folder: FLAC files and the `tracks.csv` that stage 1 reads.

A track is a function of (seed, index, duration) alone: neither the number of tracks nor the order
of writing moves it. Its plan is kept in the file's comment, so that a second call writes only what
is missing or was made by another plan. No licence is attached: the music was composed by a program.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.catalogs.demo_music.composition import compose
from musqa_pipeline.catalogs.demo_music.oscillators import n_samples
from musqa_pipeline.catalogs.demo_music.styles import STYLES, Style
from musqa_pipeline.core.csv_files import write_csv
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.files import explained, whole_file
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import derive_generator

VERSION = 1
"""Raised when the same plan begins to sound different."""
COLUMNS = ("file", "title", "artist", "recording", "genre", "licence", "role", "tier")
TIER = "synthesised"
"""Tier of tracks that are no recordings."""
SKETCH_S = 3.0
_TEST_EVERY = 4
MARK = "musqa synthesis "


class Plan(Protocol):
    """What a track of a made catalog is, before a sample of it exists."""

    @property
    def duration_s(self) -> float:
        """Length of the track."""

    @property
    def file(self) -> str:
        """Name of the file."""

    @property
    def comment(self) -> str:
        """Mark of the file's plan, kept in its metadata; begins with `MARK`."""

    def row(self) -> dict[str, str]:
        """Return the track's row of `tracks.csv`."""

    def samples(self) -> np.ndarray:
        """Compose and play the track, float64 of shape (2, samples)."""


@dataclass(frozen=True)
class TrackPlan:
    """What track `index` of a demo catalog is."""

    index: int
    seed: int
    duration_s: float

    @property
    def style(self) -> Style:
        """Styles follow each other in turn."""
        return STYLES[self.index % len(STYLES)]

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.index:03d}-{self.style.name.replace(' ', '-')}.flac"

    @property
    def role(self) -> str:
        """Every fourth track is a test track, the next style in each round.

        So a style's test tracks have siblings in training as soon as styles repeat.
        """
        turn, place = divmod(self.index, len(STYLES))
        return "test" if place % _TEST_EVERY == turn % _TEST_EVERY else "train"

    @property
    def comment(self) -> str:
        """Mark of the file's plan, kept in its metadata."""
        plan = [VERSION, self.style.name, self.index, self.seed, self.duration_s]
        return MARK + digest(plan)

    def row(self) -> dict[str, str]:
        """Return the track's row of `tracks.csv`."""
        return {
            "file": self.file,
            "title": f"{self.style.name} no. {self.index // len(STYLES) + 1}",
            "artist": "",
            "recording": f"synthesis-{self.seed}-{self.index:03d}",
            "genre": self.style.name,
            "licence": "",
            "role": self.role,
            "tier": TIER,
        }

    def samples(self) -> np.ndarray:
        """Compose and play the track."""
        # BLAS threads cost more than they save on products this small, and sums would depend on
        # their number.
        with threadpool_limits(limits=1):
            return compose(
                self.style, self.duration_s, derive_generator("synthesis", self.seed, self.index)
            )


def write_demo_catalog(
    folder: Path,
    *,
    n_tracks: int = 24,
    duration_s: float = 12.0,
    seed: int = 0,
    log: Callable[[str], object] | None = None,
) -> list[Path]:
    """Write the demo catalog, or what is missing of it.

    Raises CatalogError if an argument is out of range.
    """
    check_size(n_tracks, duration_s)
    plans = [TrackPlan(index, seed, float(duration_s)) for index in range(n_tracks)]
    return write_tracks(folder, plans, log=log)


def check_size(n_tracks: int, duration_s: float) -> None:
    """Raise CatalogError if a catalog of that size is not made."""
    if not 1 <= n_tracks <= 1000:
        raise CatalogError(f"n_tracks={n_tracks}: expected 1 to 1000; ask for fewer or more")
    if not 1 <= duration_s <= 600:
        raise CatalogError(f"duration_s={duration_s}: expected 1 to 600 seconds; change it")


def write_tracks(
    folder: Path, plans: Sequence[Plan], *, log: Callable[[str], object] | None = None
) -> list[Path]:
    """Write the tracks and the table of a made catalog, or what is missing of them.

    Tracks of other plans that were made before go, other files stay.
    """
    _remove_others(folder, {plan.file for plan in plans})
    files = []
    for number, plan in enumerate(plans, 1):
        path = folder / plan.file
        if not _is_current(path, plan):
            _write_track(path, plan)
            if log is not None:
                log(f"track {number} of {len(plans)}: {plan.row()['title']}")
        files.append(path)
    _write_table(folder / "tracks.csv", plans)
    return files


def write_sketch(folder: Path, *, seed: int = 0) -> Path:
    """Write a piece that is too short to serve, so that the demo shows what quarantine is."""
    path, plan = folder / "sketch.flac", TrackPlan(0, seed, SKETCH_S)
    if not _is_current(path, plan):
        _write_track(path, plan)
    return path


def _write_track(path: Path, plan: Plan) -> None:
    samples = plan.samples()
    with (
        whole_file(path) as temporary,
        soundfile.SoundFile(
            temporary, "w", SAMPLE_RATE_HZ, channels=2, format="FLAC", subtype="PCM_24"
        ) as file,
    ):
        file.comment = plan.comment
        file.write(samples.T)


def _is_current(path: Path, plan: Plan) -> bool:
    try:
        with soundfile.SoundFile(path) as file:
            return file.comment == plan.comment and file.frames == n_samples(plan.duration_s)
    except (soundfile.LibsndfileError, OSError):
        return False


def _remove_others(folder: Path, wanted: set[str]) -> None:
    for path in sorted(folder.glob("[0-9][0-9][0-9]-*.flac")):
        if path.name not in wanted and _is_ours(path):
            with explained("remove", path):
                path.unlink()


def _is_ours(path: Path) -> bool:
    try:
        with soundfile.SoundFile(path) as file:
            return file.comment.startswith(MARK)
    except (soundfile.LibsndfileError, OSError):
        return False


def _write_table(path: Path, plans: Sequence[Plan]) -> None:
    text = io.StringIO(newline="")
    rows = (plan.row() for plan in plans)
    write_csv(text, [COLUMNS, *([row[name] for name in COLUMNS] for row in rows)])
    content = text.getvalue().encode()
    if path.is_file() and path.read_bytes() == content:
        return
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
