"""The model file: one ONNX file that holds all that scoring needs, and which one is used.

Input `image` is a band image, uint8 (1, 31, 1024); a file with boosted trees has a second one,
`features`, the image's `DESCRIPTORS`, float32 (1, 470). Outputs are `probability`, float32 (1, n)
over the steps of quality, and `distance`, float32 (1,), how far the sound is from what the model
learned from (1 is the threshold for abstaining). The metadata key `musqa` holds the rest as JSON
(`model_record.py`), and the file ends with a seal (`model_seal.py`). The batch is always one image
and a session has one thread, so that order, batch and number of threads cannot move a score.
"""

from __future__ import annotations

import functools
import math
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.scoring import model_record, model_seal, onnx_file
from musqa_pipeline.scoring.model_record import PAIR_NETWORK
from musqa_pipeline.scoring.opened_model import OpenedModel

ENVIRONMENT = "MUSQA_MODEL"
DESCRIPTIVE_FEATURES = "features"
"""Name of the second input, which a model with boosted trees has."""
N_FEATURES = 470
"""As many as `DESCRIPTORS`, whose module a model without trees does not load."""
SHIPPED = Path(__file__).parent / "model" / "musqa_net.onnx"
SHIPPED_DIGEST = "a14cbfacff6e578852e855d34f282531"
"""Of the file that is shipped; a new one is entered here (docs/model_release.md)."""
LARGEST_EXCESS = 1e-3
"""How far the sum of probabilities may lie from 1: rounding is 1e-6."""


@dataclass(frozen=True)
class Answer:
    """What the model says of one image."""

    probability: NDArray[np.float32]
    """Shape (n,): of each step of quality."""
    distance: float
    """From the training data; 0 for a model that does not know it."""


class ModelFile(OpenedModel):
    """A checked model, ready to answer.

    Parameters
    ----------
    path : Path
        The ONNX file.

    Raises
    ------
    ModelError
        If it cannot be read, is damaged, no ONNX or no model of musqa in this format, or does not
        answer `model_seal.check_image` as it should.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._describes = onnx_file.has_input(self._session, DESCRIPTIVE_FEATURES)
        described = {DESCRIPTIVE_FEATURES: ("tensor(float)", (1, N_FEATURES))}
        onnx_file.check_ports(
            self._session,
            {
                "image": ("tensor(uint8)", onnx_file.IMAGE_SHAPE),
                **(described if self._describes else {}),
                "probability": ("tensor(float)", (1, len(self.step_quality))),
                "distance": ("tensor(float)", (1,)),
            },
            path,
        )
        self.knows_distance = self.record.get("domain") is not None
        self._check_answers(self._said_of_check_image)

    def answer(self, image: NDArray[np.uint8]) -> Answer:
        """Ask the model about one image, from `band_image`: uint8 (31, 1024).

        Raises
        ------
        UnfitInputError
            If the model fails, or says anything but probabilities and a finite distance.
        """
        inputs: dict[str, NDArray[Any]] = {"image": image.reshape(onnx_file.IMAGE_SHAPE)}
        if self._describes:
            inputs[DESCRIPTIVE_FEATURES] = features_of(inputs["image"][0])[None]
        probability, distance = self._ask(inputs, ["probability", "distance"])
        if probability.shape != (1, len(self.step_quality)) or distance.shape != (1,):
            raise self._no_answer(f"answers in the shapes {probability.shape}, {distance.shape}")
        p = probability[0]
        with np.errstate(invalid="ignore"):
            total = float(np.sum(p, dtype=np.float64))
        if not (np.all(p >= 0) and abs(total - 1) <= LARGEST_EXCESS):  # NaN is neither
            raise self._no_answer(f"says no probabilities (sum {total:g}, least {p.min():g})")
        far = float(distance[0]) if self.knows_distance else 0.0
        if not math.isfinite(far):
            raise self._no_answer(f"says a distance of {far:g}")
        return Answer(p, far)

    def quality(self, image: NDArray[np.uint8]) -> float:
        """Return the mean of the answer to an image, in 0-1; errors are those of `answer`."""
        return float(self.answer(image).probability @ self.step_quality)

    def _check_file(self) -> None:
        if self.path == SHIPPED and self.digest != SHIPPED_DIGEST:
            raise ModelError(
                f"{self.path} is not the model that this version of musqa ships; install musqa "
                "again, or name your model with --model"
            )

    def _read_record(self) -> None:
        if self.record.get("network") == PAIR_NETWORK:
            raise model_record.RecordError(
                "it hears a reference, too; use it with musqa compare --model"
            )
        self.step_quality = model_record.read_steps(self.record)
        self.calibration = model_record.read_calibration(self.record)

    def _said_of_check_image(self) -> dict[str, Any]:
        said = self.answer(model_seal.check_image())
        return model_seal.as_stored(said.probability, said.distance)


def features_of(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what boosted trees see of a band image: `DESCRIPTORS`, float32 (470,).

    They see nothing below `HEARD_CELL`, as musqa-net.
    """
    from musqa_pipeline.audio.features.bands import HEARD_CELL
    from musqa_pipeline.audio.features.descriptors import describe

    return np.array(list(describe(np.maximum(image, HEARD_CELL)).values()), np.float32)


def resolve_model_path(model: Path | str | None = None) -> Path:
    """Find the model to use.

    Parameters
    ----------
    model : Path or str, optional
        A file that the caller names; it goes before all else.

    Returns
    -------
    Path
        That file, else the one that `MUSQA_MODEL` names, else the user's choice, else the shipped.

    Raises
    ------
    ModelError
        If there is none of them.
    """
    if model is not None:
        return Path(model)
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    if (chosen := chosen_model_path()).is_file():
        return chosen
    if SHIPPED.is_file():
        return SHIPPED
    raise ModelError(
        f"no model is installed; name a model file with --model or {ENVIRONMENT}, "
        "or choose one with musqa model use FILE"
    )


def config_folder() -> Path:
    """Return the folder of the user's choices, where the platform has it; it may not exist yet.

    It is ``musqa`` below ``$XDG_CONFIG_HOME`` or ``~/.config``; on macOS below
    ``~/Library/Application Support``, on Windows below ``%APPDATA%``.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "musqa"


def chosen_model_path() -> Path:
    """Return where the user's choice lies; it need not exist."""
    return config_folder() / "model.onnx"


def choose_model(path: Path | None) -> Path:
    """Check and copy a model file to be the user's choice; None goes back to the shipped one.

    Returns
    -------
    Path
        The model that is used from now on if nothing else is named.

    Raises
    ------
    ModelError
        If the file is no model of musqa.
    LakeError
        If the folder of choices cannot be written.
    """
    chosen = chosen_model_path()
    if path is None:
        chosen.unlink(missing_ok=True)
        return resolve_model_path()
    ModelFile(path)
    with whole_file(chosen) as temporary:
        shutil.copyfile(path, temporary)
    return chosen


@functools.cache
def load_model(path: Path) -> ModelFile:
    """Load a model once a process; further calls return the same one."""
    return ModelFile(path)
