"""Files scored by a training of a GAN: windows as long as a segment, half overlapping."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.audio.files.signals import read_stereo
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.home import Home
from musqa_pipeline.learning.gan.segments import is_silent
from musqa_pipeline.stages.views.duck import query
from musqa_pipeline.stages.views.named_runs import named_run
from musqa_pipeline.storage.lake.lake import Lake

if TYPE_CHECKING:
    from musqa_pipeline.learning.gan.critic import Critic, Kind

HOP_SAMPLES = SEGMENT_SAMPLES // 2
AT_ONCE = 64
"""Windows; 9 MB of PCM at 16 kHz."""


@dataclass(frozen=True)
class Judge:
    """A finished training, ready to be asked."""

    name: str
    """Network and seed."""
    critic: Critic
    classes: tuple[str, ...]
    originals: pl.DataFrame
    """`score` and `mean_genre_score` of original segments that it never met."""

    def class_of(self, genre: str | None) -> int | None:
        """Return the number of a genre's class. Raises SettingsError if it knows none such."""
        if genre is None or genre in self.classes:
            return None if genre is None else self.classes.index(genre)
        near = difflib.get_close_matches(genre, self.classes, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(self.classes)}"
        raise SettingsError(f"--genre {genre!r}: {self.name} has no such class; {hint}")

    def percentile(self, score: float, *, as_genre: bool) -> float | None:
        """Return the share of originals that score less, in per cent; None without originals."""
        column = "score" if as_genre else "mean_genre_score"
        others = self.originals[column].to_numpy()
        return float(100 * np.mean(others < score)) if len(others) else None


@dataclass(frozen=True)
class ScoredWindow:
    """What a judge says of one window."""

    start_s: float
    score: float | None
    """None of a window that is silent or constant."""
    percentile: float | None


@dataclass(frozen=True)
class ScoredFile:
    """What a judge says of a file: the mean of its windows that sound."""

    score: float
    percentile: float | None
    windows: tuple[ScoredWindow, ...]


def open_judge(home: Home, run: str | None = None) -> Judge:
    """Open a training by its name, such as ``mine-0``; the first there is when left out.

    Raises SettingsError if there is none of that name; LakeError if a file is damaged.
    """
    from musqa_pipeline.learning.gan.critic import critic_of_run

    name, row = named_run(
        home,
        "gans",
        ("network", "seed"),
        run,
        nothing="no GAN is trained here; name one in [gan] networks of a preset, and run "
        "`musqa run --preset FILE --until models`",
    )
    folder, classes = PurePosixPath(row["folder"]), row["classes"]
    scored = query(home, "SELECT training, critic, score, mean_genre_score, kind FROM gan_scores")
    originals = scored.filter(training=folder.name, kind="original")
    kind: Kind = originals["critic"][0] if originals.height else "last"
    critic = critic_of_run(Lake(home).store.local_folder(str(folder)), kind)
    return Judge(name, critic, tuple(classes), originals)


def score_file(judge: Judge, path: Path, genre: str | None = None) -> ScoredFile:
    """Score a file, as a genre or as the mean genre.

    Raises UnfitInputError if it is shorter than a window, longer than 10 minutes, silent,
    constant or unreadable; SettingsError if the judge does not know the genre.
    """
    number = judge.class_of(genre)
    samples = read_stereo(path).samples
    if len(samples) < SEGMENT_SAMPLES:
        raise UnfitInputError(
            "too_short",
            f"it lasts {len(samples) / SAMPLE_RATE_HZ:.2f} s",
            f"a window takes {SEGMENT_SAMPLES / SAMPLE_RATE_HZ:.3f} s; give longer music",
        )
    starts = list(range(0, len(samples) - SEGMENT_SAMPLES + 1, HOP_SAMPLES))
    rate_hz = judge.critic.settings.images.sample_rate_hz
    windows = []
    for pcm, some in _batches(samples, starts, rate_hz):
        sounds = [not is_silent(one) for one in pcm]
        scores = iter(_scores(judge, pcm[sounds], number))
        for start, heard in zip(some, sounds, strict=True):
            score = next(scores) if heard else None
            of_all = None if score is None else judge.percentile(score, as_genre=genre is not None)
            windows.append(ScoredWindow(start / SAMPLE_RATE_HZ, score, of_all))
    found = [window.score for window in windows if window.score is not None]
    if not found:
        raise UnfitInputError(
            "silent", "every window is silent or constant", "give music that sounds"
        )
    mean = float(np.mean(found))
    return ScoredFile(mean, judge.percentile(mean, as_genre=genre is not None), tuple(windows))


def _batches(
    samples: NDArray[np.float32], starts: Sequence[int], rate_hz: int
) -> Iterator[tuple[NDArray[np.int16], Sequence[int]]]:
    for first in range(0, len(starts), AT_ONCE):
        some = starts[first : first + AT_ONCE]
        cut = (samples[start : start + SEGMENT_SAMPLES] for start in some)
        yield np.stack([pcm_at_rate(window, rate_hz) for window in cut]), some


def _scores(judge: Judge, pcm: NDArray[np.int16], number: int | None) -> list[float]:
    if not len(pcm):
        return []
    genres = None if number is None else [number] * len(pcm)
    return [float(score) for score in judge.critic.score(pcm, genres)]
