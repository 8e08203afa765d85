"""Quality of degraded signals against their references, by a trained intrusive network.

`musqa compare` prints what this module finds. Signals are aligned and cut to the time they share;
neither level nor delay moves the score by more than rounding and the grid of frames do.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.gammatone_bands import FRAME_SAMPLES, band_cells
from musqa_pipeline.audio.features.pair_alignment import cut_to_common, find_lag_samples
from musqa_pipeline.audio.files.pairs import Pair
from musqa_pipeline.audio.metrics.pairs import PairLabel, ReferenceFile, failed
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.networks.insenet import InseNet, fold_normalisation
from musqa_pipeline.learning.predict import load_model

MODEL = "insenet"
MIN_FRAMES = 12
"""Least frames that both signals share, 0.96 s: the least that ViSQOL takes."""


@dataclass(frozen=True)
class Comparison:
    """What the network says of a pair."""

    mos: float
    """The metric's MOS as predicted, 1 to 5."""
    quality: float
    """(mos - 1) / 4."""
    lag_samples: int
    """Delay of the degraded signal that was undone; positive if it was late."""
    common_s: float
    """Time that both signals share after that."""


class Comparer:
    """A trained intrusive network, the run of ``insenet`` in a folder, ready to compare.

    Spectrograms and network are computed on `device`, ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    SettingsError
        If there is no such device here, or the run is of another network.
    LakeError
        If a file of the run is absent or damaged.
    """

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        self.device = find_device(device)
        self.network = fold_normalisation(load_intrusive(folder, device))

    def compare(self, reference: NDArray[np.float32], degraded: NDArray[np.float32]) -> Comparison:
        """Compare two signals; see `compare_batch`."""
        return self.compare_batch([(reference, degraded)])[0]

    def compare_batch(
        self, pairs: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
    ) -> list[Comparison]:
        """Compare several pairs; those of one length are computed together, as a GPU likes it.

        Signals are float32 of shape (samples,), mono, 48 kHz; levels do not matter, lengths may
        differ.

        Raises
        ------
        UnfitInputError
            If a signal is silent or not finite, a pair shares less than `MIN_FRAMES`, or an answer
            is not finite; one such pair costs all.
        """
        with torch.inference_mode():
            lags, cut = [], []
            for pair in pairs:
                reference, degraded = (self._tensor(samples) for samples in pair)
                lags.append(find_lag_samples(reference, degraded))
                cut.append(torch.stack(cut_to_common(reference, degraded, lags[-1])))
            if len({signals.shape for signals in cut}) == 1:
                qualities = self._qualities(torch.stack(cut)).tolist()
            else:
                qualities = [self._qualities(signals[None]).item() for signals in cut]
        return [
            Comparison(1.0 + 4.0 * quality, quality, lag, signals.shape[-1] / SAMPLE_RATE_HZ)
            for quality, lag, signals in zip(qualities, lags, cut, strict=True)
        ]

    def _tensor(self, samples: NDArray[np.float32]) -> Tensor:
        # A copy only where torch needs one: of memory that is not its to write.
        return torch.from_numpy(np.require(samples, np.float32, ["C", "W"])).to(self.device)

    def _qualities(self, signals: Tensor) -> Tensor:
        """Predict quality, 0 to 1, of signals of shape (pairs, 2, samples)."""
        images = pair_images(signals)
        quality: Tensor = self.network(images)
        if not torch.isfinite(quality).all():
            raise UnfitInputError(
                "no_answer",
                "the network's answer is no number",
                "compare it with another network",
            )
        return quality.clamp(0.0, 1.0)


def load_intrusive(folder: Path, device: str) -> InseNet:
    """Load an intrusive network as `load_model` does; `SettingsError` for a run of another one."""
    network = load_model(folder, device=device)
    if not isinstance(network, InseNet):
        raise SettingsError(
            f"{folder} holds a {type(network).__name__}, which sees no reference; name the folder "
            f"of a run of {MODEL}"
        )
    return network


def pair_images(signals: Tensor) -> Tensor:
    """Compute the images that the network eats, float32 of shape (pairs, frames, 2 * N_BANDS).

    `signals` are reference and degraded signal of each pair, aligned, of shape (pairs, 2, samples).
    Bands of the reference come first. `UnfitInputError` if a signal is silent or not finite, or
    shorter than `MIN_FRAMES`.
    """
    n_samples = signals.shape[-1]
    if n_samples < MIN_FRAMES * FRAME_SAMPLES:
        raise UnfitInputError(
            "too_short",
            f"{n_samples / SAMPLE_RATE_HZ:.2f} s are common to both signals",
            "compare signals of 3 to 10 s that show the same music",
        )
    cells = band_cells(signals)
    return torch.cat((cells[:, 0], cells[:, 1]), dim=-1)


def compare_pairs(pairs: Iterable[Pair], comparer: Comparer) -> Iterator[PairLabel[Comparison]]:
    """Compare pairs of files.

    Parameters
    ----------
    pairs : iterable of Pair
        From `musqa_pipeline.audio.files.pairs`; a reference is read once for its neighbours.
    comparer : Comparer
        With the network.

    Yields
    ------
    PairLabel
        In their order, each as soon as it is done; a pair that cannot be scored says why.
    """
    read_reference = functools.lru_cache(maxsize=1)(ReferenceFile)
    for pair in pairs:
        try:
            file = read_reference(pair.reference)
            degraded, warnings = file.read_degraded(pair.degraded)
            score = comparer.compare(file.signal.samples, degraded.samples)
        except UnfitInputError as error:
            yield failed(pair, f"{error.detail}; {error.advice}")
        else:
            names = pair.reference_name, pair.degraded_name
            yield PairLabel(*names, score, warnings=warnings)
