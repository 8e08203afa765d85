"""A training of the intrusive network, ready to be asked by `musqa compare --model RUN`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.networks.insenet import InseNet, fold_normalisation
from musqa_pipeline.learning.predict import load_model

MODEL = "insenet"


class TrainedRun:
    """A trained intrusive network, the run of ``insenet`` in a folder.

    Parameters
    ----------
    folder : Path
        Of the run.
    device : str
        Where it answers, see `find_device`.

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
        self.label = f"{MODEL} of {folder.name}"

    def quality(self, image: NDArray[np.float32]) -> float:
        """Predict the quality of one pair, (mos - 1) / 4 and not clipped.

        Parameters
        ----------
        image : ndarray of float32, shape (frames, 2 * N_BANDS)
            From `pair_image`.

        Returns
        -------
        float
            Finite.

        Raises
        ------
        UnfitInputError
            If the network's answer is no number.
        """
        with torch.inference_mode():
            quality = float(self.network(torch.from_numpy(image)[None].to(self.device)))
        if not math.isfinite(quality):
            raise UnfitInputError(
                "no_answer",
                "the network's answer is no number",
                "compare it with another network",
            )
        return quality


def load_intrusive(folder: Path, device: str) -> InseNet:
    """Load an intrusive network as `load_model` does; `SettingsError` for a run of another one."""
    network = load_model(folder, device=device)
    if not isinstance(network, InseNet):
        raise SettingsError(
            f"{folder} holds a {type(network).__name__}, which sees no reference; name the folder "
            f"of a run of {MODEL}"
        )
    return network
