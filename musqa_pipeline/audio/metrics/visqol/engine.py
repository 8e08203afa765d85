"""ViSQOL v3 in audio mode: one reference, many degraded signals.

The engine works on one thread of a process at a time, and lets BLAS use one. Its transforms have
buffers that are used again. Its matrix products are small: more threads spin longer than they
compute, and their number would move the last digits of a sum.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from musqa_pipeline.audio.metrics.visqol.alignment import EnvelopeBank, undelayed
from musqa_pipeline.audio.metrics.visqol.energies import N_BANDS, energy_bank
from musqa_pipeline.audio.metrics.visqol.fft import DType
from musqa_pipeline.audio.metrics.visqol.nsim import floor_together, to_db
from musqa_pipeline.audio.metrics.visqol.quality import support_vectors
from musqa_pipeline.audio.metrics.visqol.realign import (
    MAX_KEPT_PATCHES,
    PatchAligner,
    Result,
    Spectrogram,
)
from musqa_pipeline.audio.metrics.visqol.score import VisqolScore
from musqa_pipeline.audio.metrics.visqol.search import PATCH_FRAMES, find_offsets, patch_starts
from musqa_pipeline.core.errors import UnfitInputError

Precision = Literal["exact", "fast"]
ENGINE_VERSION = 1
"""Raised when a score may change by more than rounding."""
MIN_FRAMES = PATCH_FRAMES + PATCH_FRAMES // 2
_AT_WORK = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep other threads out of the engine, and BLAS on one thread, while the context lasts."""
    with _AT_WORK, _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> ThreadpoolController:
    import scipy.linalg.blas  # noqa: F401  # the controller knows what is loaded by now

    return ThreadpoolController()


class Reference:
    """ViSQOL v3 in audio mode, bound to one reference.

    What hangs on the reference alone is computed once: its spectrogram, its envelope's transform,
    and those of its patches.

    Parameters
    ----------
    samples : array_like of float, shape (samples,)
        Mono, at least 0.96 s; 3-10 s suit the metric best. Not silent.
    sample_rate_hz : int
        ViSQOL's audio model is made for 48,000; resample what has another rate.
    precision : {"exact", "fast"}
        ``"exact"`` is within 1e-9 MOS of Google's program; ``"fast"`` sums powers and searches
        patches in float32, which moves a MOS by less than 1e-6.

    Raises
    ------
    UnfitInputError
        If the reference is too short, silent or not finite.

    Attributes
    ----------
    version : str
        Program and version, for records.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0.0, 0.1, 3 * 48_000)
    >>> reference = Reference(noise)
    >>> round(reference.score(noise).mos, 3)
    4.732
    >>> score = reference.score(np.concatenate((np.zeros(480), noise)))
    >>> score.lag_samples
    480
    """

    version = f"musqa-visqol {ENGINE_VERSION}"

    def __init__(
        self,
        samples: NDArray[np.floating],
        sample_rate_hz: int = 48_000,
        *,
        precision: Precision = "exact",
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._dtype: DType = "float64" if precision == "exact" else "float32"
        self._samples = _checked(samples, "reference")
        with one_thread():
            self._bank = energy_bank(sample_rate_hz, self._dtype)
        starts = self._bank.frame_starts(len(self._samples))
        if len(starts) < MIN_FRAMES:
            least_s = (self._bank.frame_samples + (MIN_FRAMES - 1) * self._bank.hop_samples) / (
                sample_rate_hz
            )
            raise UnfitInputError(
                "too_short",
                f"the reference lasts {len(self._samples) / sample_rate_hz:.2f} s",
                f"ViSQOL needs at least {least_s:.2f} s; 3 to 10 s suit it best",
            )
        with one_thread():
            self._db = to_db(self._bank.rms(self._samples, starts))
        self._rms = float(np.sqrt(np.mean(np.square(self._samples))))
        if self._rms == 0.0:
            raise UnfitInputError(
                "silent", "the reference is silent", "compare with a reference that has sound"
            )
        self._patch_starts = patch_starts(len(starts))
        self._envelopes: dict[int, EnvelopeBank] = {}
        spectrogram = Spectrogram(self._samples, self._db, 1.0, self._bank, MAX_KEPT_PATCHES)
        self._aligner = PatchAligner(spectrogram, self._patch_starts, self._bank, sample_rate_hz)

    def score(self, degraded: NDArray[np.floating]) -> VisqolScore:
        """Score a degraded version of the reference, on one thread.

        Parameters
        ----------
        degraded : array_like of float, shape (samples,)
            Mono, at the reference's rate. Its level does not matter; its length should be the
            reference's, and may differ by a second.

        Returns
        -------
        VisqolScore
            The same for the same samples, wherever and in whatever order they are scored.

        Raises
        ------
        UnfitInputError
            If it is silent, not finite, or too short to hold any patch of the reference.
        """
        with one_thread():
            return self._score(degraded)

    def score_batch(self, degraded: Iterable[NDArray[np.floating]]) -> list[VisqolScore]:
        """Score several degraded versions, one after the other."""
        return [self.score(samples) for samples in degraded]

    def _score(self, degraded: NDArray[np.floating]) -> VisqolScore:
        checked = _checked(degraded, "degraded signal")
        lag_samples = self._lag_of(checked)
        aligned, gain = self._prepared(checked, lag_samples)
        starts = self._bank.frame_starts(len(aligned))
        # Filtering is linear: the level is matched on the spectrogram.
        db = to_db(self._bank.rms(aligned, starts) * gain)
        reference_db, degraded_db = floor_together(self._db, db, N_BANDS)
        patches = self._patches(reference_db)
        offsets = find_offsets(patches, self._patch_starts, degraded_db, self._dtype)
        leads = self._aligner.leads(self._aligner.slices(offsets, len(aligned)), aligned)
        spectrogram = Spectrogram(aligned, db, gain, self._bank)
        results = self._aligner.realign(patches, offsets, degraded_db, spectrogram, leads)
        return _summary(results, lag_samples)

    def _lag_of(self, degraded: NDArray[np.float64]) -> int:
        longest = max(len(self._samples), len(degraded))
        if longest not in self._envelopes:
            self._envelopes = {longest: EnvelopeBank([self._samples], longest)}
        return -self._envelopes[longest].leads([degraded])[0]

    def _prepared(
        self, degraded: NDArray[np.float64], lag_samples: int
    ) -> tuple[NDArray[np.float64], float]:
        """Undo the delay, and find the gain that matches the level."""
        aligned = undelayed(degraded, lag_samples)
        rms = float(np.sqrt(np.mean(np.square(aligned)))) if len(aligned) else 0.0
        if rms == 0.0:
            raise UnfitInputError(
                "silent",
                "the degraded signal is silent",
                "ViSQOL brings both signals to one level and cannot score silence; leave it out",
            )
        if len(aligned) <= self._bank.frame_samples:
            raise UnfitInputError(
                "too_short",
                f"{len(aligned)} samples of the degraded signal are left after alignment",
                "compare signals of the same length; they may differ by a second",
            )
        return aligned, self._rms / rms

    def _patches(self, reference_db: NDArray[np.float64]) -> NDArray[np.float64]:
        starts = self._patch_starts.tolist()
        return np.stack([reference_db[:, start : start + PATCH_FRAMES] for start in starts])


def _summary(results: list[Result], lag_samples: int) -> VisqolScore:
    fvnsim = np.mean([bands for bands, _ in results], axis=0)
    return VisqolScore(
        mos=support_vectors().mos(fvnsim),
        vnsim=float(np.mean(fvnsim)),
        fvnsim=fvnsim,
        lag_samples=lag_samples,
        patches=tuple(patch for _, patch in results),
    )


def _checked(samples: NDArray[np.floating], what: str) -> NDArray[np.float64]:
    checked = np.ascontiguousarray(samples, np.float64)
    if checked.ndim != 1 or not len(checked):
        raise UnfitInputError(
            "shape",
            f"the {what} has the shape {checked.shape}",
            "expected one channel of at least one sample; mix channels by their mean",
        )
    if not np.isfinite(checked).all():
        raise UnfitInputError(
            "not_finite",
            f"the {what} has samples that are NaN or infinite",
            "mend what wrote the file",
        )
    return checked
