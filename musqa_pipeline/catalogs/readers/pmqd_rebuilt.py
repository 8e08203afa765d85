"""Whether PMQD's degraded segments are what our degradations make of its originals.

Distortion, low-pass and limiter follow from an original and an intensity, and are compared sample
by sample; the noise is another one each time, and is compared by level and spectrum.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.intensity import (
    INTENSITY_DEGRADATIONS,
    PINK_RMS_DB,
    IntensityDegradation,
    IntensityParams,
    Stereo,
    noise_gain_db,
    pink_noise,
)
from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES
from musqa_pipeline.audio.files.signals import FULL_SCALE, read_stereo
from musqa_pipeline.catalogs.readers.pmqd import ORIGINAL, RatedSegment, read_segments
from musqa_pipeline.core.errors import CatalogError, UnfitInputError

NOISE = "noise"
WITHOUT_CHANCE = ("distortion", "limiter", "lowpass")
EXPECTED_DB = -60.0
"""Highest median residual of a kind: files are of 24 bit and intensities of two decimals."""
NOISE_TOLERANCE_DB = 0.5
OCTAVES_HZ = tuple(62.5 * 2**k for k in range(9))
"""Centres, 62.5 Hz to 16 kHz."""
N_NOISES = 20
"""Of ours that found ones are compared with."""


@dataclass(frozen=True)
class Rebuilt:
    """How far segments of a kind are from what is made of their originals."""

    kind: str
    n_segments: int
    median_db: float
    """Residual against the degraded segment, both as RMS."""
    worst_db: float


@dataclass(frozen=True)
class NoiseFound:
    """How the noise of segments compares with ours."""

    n_segments: int
    level_error_db: float
    """Median of found less expected."""
    worst_level_error_db: float
    spectrum_error_db: float
    """Greatest difference in an octave, of the mean over segments."""


@dataclass(frozen=True)
class PmqdCheck:
    """What became of a folder of PMQD."""

    n_missing: int
    """Files of its table that are not there."""
    kinds: tuple[Rebuilt, ...]
    noise: NoiseFound | None

    @property
    def worst_db(self) -> float:
        """Worst residual of all segments that were rebuilt."""
        return max(kind.worst_db for kind in self.kinds)

    @property
    def as_expected(self) -> bool:
        """Whether medians are as low as dither lets them be, and the noise as loud as ours."""
        quiet = self.noise is None or abs(self.noise.level_error_db) <= NOISE_TOLERANCE_DB
        return quiet and all(kind.median_db <= EXPECTED_DB for kind in self.kinds)


def check_rebuilt(folder: Path) -> PmqdCheck:
    """Make the degraded segments of a folder again and compare.

    Raises CatalogError if it is no PMQD, a degraded segment has no original or is of an unknown
    kind, a file cannot be read or is of another length, or there is nothing to compare.
    """
    segments = read_segments(folder)
    there = [segment for segment in segments if (folder / segment.file).is_file()]
    residuals_db: dict[str, list[float]] = defaultdict(list)
    levels_db: list[float] = []
    spectra: list[NDArray[np.float64]] = []
    for group in by_original(there):
        original = _original(folder, group)
        for segment in group:
            if segment.kind == ORIGINAL:
                continue
            found = read_audio(folder, segment)
            if segment.kind == NOISE:
                level_db, octaves = _noise(found, original, segment.intensity)
                levels_db.append(level_db)
                spectra.append(octaves)
                continue
            params = IntensityParams(segment.intensity)
            made = _degradation(folder, segment).apply(original, params)
            difference = np.asarray(found, np.float64) - made
            residuals_db[segment.kind].append(_rms_db(difference) - _rms_db(found))
    if not residuals_db:
        raise CatalogError(
            f"{folder}: none of {', '.join(WITHOUT_CHANCE)} is there with its original; get its "
            "audio"
        )
    kinds = tuple(
        Rebuilt(kind, len(found_db), float(np.median(found_db)), max(found_db))
        for kind, found_db in sorted(residuals_db.items())
    )
    noise = _noise_found(levels_db, spectra) if levels_db else None
    return PmqdCheck(len(segments) - len(there), kinds, noise)


def by_original(segments: Iterable[RatedSegment]) -> Iterator[list[RatedSegment]]:
    """Put together what was made of the same original, and the original."""
    for _, group in itertools.groupby(sorted(segments, key=_place), key=_place):
        yield list(group)


def read_audio(folder: Path, segment: RatedSegment) -> Stereo:
    """Read a segment at 48 kHz, shape (201984, 2).

    Raises CatalogError if it cannot be read or is of another length.
    """
    path = folder / segment.file
    try:
        samples = read_stereo(path).samples
    except UnfitInputError as error:
        raise CatalogError(f"{path}: {error.detail}; {error.advice}") from error
    if len(samples) != SEGMENT_SAMPLES:
        raise CatalogError(
            f"{path} has {len(samples):,} samples at 48 kHz, expected {SEGMENT_SAMPLES:,}; get it "
            "again"
        )
    return samples


def _place(segment: RatedSegment) -> tuple[str, str]:
    """Name the original that versions share."""
    return segment.recording, segment.start


def _original(folder: Path, group: Sequence[RatedSegment]) -> Stereo:
    originals = [segment for segment in group if segment.kind == ORIGINAL]
    if len(originals) != 1:
        raise CatalogError(
            f"{folder / group[0].file} and {len(group) - 1} others of {group[0].recording!r} at "
            f"{group[0].start} s have {len(originals)} originals, expected one; get the files again"
        )
    return read_audio(folder, originals[0])


def _degradation(folder: Path, segment: RatedSegment) -> IntensityDegradation:
    if segment.kind not in WITHOUT_CHANCE:
        known = ", ".join((ORIGINAL, *WITHOUT_CHANCE, NOISE))
        raise CatalogError(
            f"{folder / segment.file}: degradation_type={segment.kind!r}: expected one of {known}; "
            "get the table again"
        )
    return INTENSITY_DEGRADATIONS[f"intensity_{segment.kind}"]


def _noise(found: Stereo, original: Stereo, intensity: float) -> tuple[float, NDArray[np.float64]]:
    """Return by how much the level of a noise is off, and its octaves before its gain."""
    noise = found.mean(axis=1, dtype=np.float64) - original.mean(axis=1, dtype=np.float64)
    gain_db = noise_gain_db(intensity)
    whole = np.abs(found).max(axis=1) < FULL_SCALE
    return _rms_db(noise[whole]) - gain_db - PINK_RMS_DB, _octaves(noise) / 10 ** (gain_db / 10)


def _noise_found(levels_db: list[float], spectra: list[NDArray[np.float64]]) -> NoiseFound:
    ours = np.mean(
        [_octaves(pink_noise(SEGMENT_SAMPLES, seed)) for seed in range(N_NOISES)], axis=0
    )
    off_db = 10 * np.log10(np.mean(spectra, axis=0) / ours)
    return NoiseFound(
        n_segments=len(levels_db),
        level_error_db=float(np.median(levels_db)),
        worst_level_error_db=max(levels_db, key=abs),
        spectrum_error_db=float(np.abs(off_db).max()),
    )


def _octaves(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power in each octave of `OCTAVES_HZ`."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    centres = np.array(OCTAVES_HZ)
    edges = np.searchsorted(hz, [*(centres / math.sqrt(2)), centres[-1] * math.sqrt(2)])
    return np.add.reduceat(power[: edges[-1]], edges[:-1])


def _rms_db(samples: NDArray[np.floating]) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * math.log10(power + 1e-30)
