"""Image metrics as second opinions: mel images of a pair, in the reference's range, compared.

Each MOS is a monotone function of its metric on a scale of its own, and no listener's. Importing
this module imports torch.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.audio.features.mel import POWER_FLOOR, mel_power
from musqa_pipeline.audio.metrics.perceptual.images import check_references
from musqa_pipeline.audio.metrics.perceptual.ms_ssim import MsSsim
from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd
from musqa_pipeline.audio.metrics.score import SecondScore
from musqa_pipeline.audio.metrics.unfit import check_finite, check_reference
from musqa_pipeline.core.settings.dataset import SpectrogramsSettings

IMAGE = SpectrogramsSettings(n_mels=256, n_fft=2048, hop_length_samples=768)
"""625 frames for 10 s."""
RANGE_DB = 80.0
"""Below the loudest cell of the reference."""
SHORTEST_S = 0.96
LOG_MEL_SCALE = 0.02
"""Mean squared error at which log-mel MSE says 1 + 4 / e."""
Range = Literal["reference", "own"]


class PairImages:
    """Mel images of a reference and of what was made of it, both in the reference's range.

    Parameters
    ----------
    reference : ndarray of float32, shape (n_samples,)
        Mono at 48 kHz, 0.96 s or more.
    range_of : {"reference", "own"}
        Whose loudest cell is 1 in the image of a degraded signal, with 0 at 80 dB below.

    Raises
    ------
    UnfitInputError
        If the reference is shorter, silent, not finite, or so quiet that its image is constant.
    """

    def __init__(self, reference: NDArray[np.float32], *, range_of: Range = "reference") -> None:
        check_reference(reference, shortest_s=SHORTEST_S, who="an image")
        self._n_samples, self._range_of = len(reference), range_of
        self._rms = _rms(reference)
        level_db = _level_db(reference)
        self.loudest_db = float(level_db.max())
        self.reference = self._scaled(level_db)
        check_references(self.reference)

    def degraded(self, samples: NDArray[np.float32]) -> Tensor:
        """Make the image of a degraded version, brought to the reference's RMS.

        Parameters
        ----------
        samples : ndarray of float32, shape (any,)
            Mono at 48 kHz, aligned with the reference; what it lacks at its end is silent, what it
            has beyond is left out.

        Returns
        -------
        Tensor of float32, shape (1, 1, 256, n_frames)
            From 0 to 1; silence is all zeros.

        Raises
        ------
        UnfitInputError
            If a sample is NaN or infinite.
        """
        check_finite(samples, "degraded signal")
        heard = np.zeros(self._n_samples, np.float32)
        heard[: len(samples)] = samples[: self._n_samples]
        if rms := _rms(heard):
            heard *= np.float32(self._rms / rms)
        return self._scaled(_level_db(heard))

    def _scaled(self, level_db: NDArray[np.float32]) -> Tensor:
        loudest_db = float(level_db.max()) if self._range_of == "own" else self.loudest_db
        image_ft = np.clip(1 + (level_db - loudest_db) / RANGE_DB, 0, 1)
        return torch.from_numpy(image_ft.astype(np.float32))[None, None]


class ImageOpinion:
    """An image metric, bound to one reference; see `PairImages` for what is refused."""

    version: str

    def __init__(self, reference: NDArray[np.float32]) -> None:
        self._images = PairImages(reference)

    @staticmethod
    def require() -> None:
        """Do nothing: what it needs is torch, which this module has imported."""

    def score(self, degraded: NDArray[np.float32]) -> SecondScore:
        """Score a degraded version of the reference, mono, 48 kHz, aligned with it."""
        with torch.inference_mode():
            distance = max(0.0, self._distance(self._images.degraded(degraded)))
        return SecondScore(self._mos(distance), distance)

    def _distance(self, image_11ft: Tensor) -> float:
        """Compare an image with the reference's."""
        raise NotImplementedError

    def _mos(self, distance: float) -> float:
        """Put a distance on a scale from 1 to 5."""
        raise NotImplementedError


class NlpdOpinion(ImageOpinion):
    """1 + 4 exp(-NLPD), Laparra's version."""

    version = "nlpd 1"

    def __init__(self, reference: NDArray[np.float32]) -> None:
        super().__init__(reference)
        self._metric = Nlpd(self._images.reference)

    def _distance(self, image_11ft: Tensor) -> float:
        return float(self._metric.distance(image_11ft))

    def _mos(self, distance: float) -> float:
        return 1 + 4 * math.exp(-distance)


class MsSsimOpinion(ImageOpinion):
    """1 + 4 MS-SSIM; the distance is 1 - MS-SSIM."""

    version = "ms_ssim 1"

    def __init__(self, reference: NDArray[np.float32]) -> None:
        super().__init__(reference)
        self._metric = MsSsim(self._images.reference)

    def _distance(self, image_11ft: Tensor) -> float:
        return 1 - float(self._metric.score(image_11ft))

    def _mos(self, distance: float) -> float:
        return 1 + 4 * (1 - distance)


class LogMelOpinion(ImageOpinion):
    """1 + 4 exp(-MSE / 0.02) of the two images; what the others have to beat."""

    version = "log_mel_mse 1"

    def _distance(self, image_11ft: Tensor) -> float:
        return float((image_11ft - self._images.reference).double().square().mean())

    def _mos(self, distance: float) -> float:
        return 1 + 4 * math.exp(-distance / LOG_MEL_SCALE)


def _level_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the level of each cell, shape (256, n_frames), without the frame at the very end."""
    power = mel_power(samples, IMAGE)[:, :-1]
    return 10 * np.log10(np.maximum(power, np.float32(POWER_FLOOR)))


def _rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
