"""PMQD scored by a training of a GAN, beside what paper 000 compares its discriminator with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musqa_pipeline.audio.degradations.intensity import Stereo
from musqa_pipeline.audio.features.flatness import spectral_flatness
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.catalogs.readers.pmqd import ORIGINAL, RatedSegment, read_segments
from musqa_pipeline.catalogs.readers.pmqd_rebuilt import by_original, read_audio
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.stages.gan_scores.files import Judge
from musqa_pipeline.stages.segments.versions import IMAGE_RATE_HZ, temporal_sd
from musqa_pipeline.studies.listening.pmqd_paper import D
from musqa_pipeline.studies.listening.pmqd_table import WithRating, with_ratings

FULL_SCALE_16_BIT = 32_768


@dataclass(frozen=True)
class ScoredSegment:
    """A rated segment and its scores by name."""

    segment: RatedSegment
    scores: Mapping[str, float]
    """As `pmqd_paper.PAPER` names them, and the temporal SD; MSE is NaN without an original."""


@dataclass(frozen=True)
class ScoredPmqd:
    """What a judge says of a folder of PMQD."""

    segments: tuple[ScoredSegment, ...]
    n_missing: int
    """Files of its table that are not there."""
    as_mean_genre: tuple[str, ...]
    """Genres of which the judge has no class."""

    def table(self) -> list[WithRating]:
        """Correlate all scores with the ratings, by genre, by degradation, and over all."""
        rated = [one.segment for one in self.segments]
        names = self.segments[0].scores
        return with_ratings(
            {name: [one.scores[name] for one in self.segments] for name in names},
            [one.rating for one in rated],
            kind=[one.kind for one in rated],
            genre=[one.genre for one in rated],
            recording=[one.recording for one in rated],
        )


def score_pmqd(judge: Judge, folder: Path) -> ScoredPmqd:
    """Score originals and degraded segments of a folder, each as its genre.

    A genre of which the judge has no class is asked as the mean genre.

    Raises CatalogError if the folder is no PMQD, its table is wrong, no file of it is there, or one
    cannot be read or is of another length.
    """
    rated = read_segments(folder)
    there = [segment for segment in rated if (folder / segment.file).is_file()]
    if not there:
        raise CatalogError(f"{folder}: none of its {len(rated)} segments is there; get its audio")
    found: list[ScoredSegment] = []
    for group in by_original(there):
        found += _scored(judge, folder, group)
    new = {segment.genre for segment in there} - set(judge.classes)
    return ScoredPmqd(tuple(found), len(rated) - len(there), tuple(sorted(new)))


def _scored(judge: Judge, folder: Path, group: Sequence[RatedSegment]) -> list[ScoredSegment]:
    sounds = [read_audio(folder, segment) for segment in group]
    originals = [
        samples for segment, samples in zip(group, sounds, strict=True) if segment.kind == ORIGINAL
    ]
    original = originals[0] if len(originals) == 1 else None
    return [
        ScoredSegment(segment, _scores(judge, segment, samples, original))
        for segment, samples in zip(group, sounds, strict=True)
    ]


def _scores(
    judge: Judge, segment: RatedSegment, samples: Stereo, original: Stereo | None
) -> dict[str, float]:
    """Score a segment.

    The flatness at 16 kHz is of one channel of 16 bit, as in the paper; that of the table
    `segments` is of both channels, unrounded.
    """
    rate_hz = judge.critic.settings.images.sample_rate_hz
    number = judge.class_of(segment.genre) if segment.genre in judge.classes else None
    said = judge.critic.score(
        pcm_at_rate(samples, rate_hz)[None], None if number is None else [number]
    )
    mse = math.nan
    if original is not None:
        mse = float(np.mean((np.asarray(samples, np.float64) - original) ** 2))
    narrow = pcm_at_rate(samples, IMAGE_RATE_HZ) / FULL_SCALE_16_BIT
    return {
        D: float(said[0]),
        "MSE": mse,
        "SF 48k": spectral_flatness(samples),
        "SF 16k": spectral_flatness(narrow),
        "I": segment.intensity,
        "temporal SD": temporal_sd(samples),
    }
