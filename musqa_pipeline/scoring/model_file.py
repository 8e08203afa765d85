"""The model file: one ONNX file that holds all that scoring needs, and which one is used.

Input `image` is a band image, uint8 (1, 31, 1024). Outputs are `probability`, float32 (1, n) over
the steps of quality, and `distance`, float32 (1,), how far the sound is from what the model learned
from (1 is the threshold for abstaining). The metadata key `musqa` holds the rest as JSON. The
batch is always one image and a session has one thread, so that order, batch and number of threads
cannot move a score.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.disk import whole_file
from musqa_pipeline.errors import ModelError
from musqa_pipeline.scoring.intervals import Calibration

FORMAT = 1
METADATA_KEY = "musqa"
IMAGE_SHAPE = (1, 31, 1024)
ENVIRONMENT = "MUSQA_MODEL"
SHIPPED = Path(__file__).parent / "model" / "musqa_net.onnx"
MAX_BYTES = 200_000_000


@dataclass(frozen=True)
class Answer:
    """What the model says of one image."""

    probability: NDArray[np.float32]
    """Shape (n,): of each step of quality."""
    distance: float
    """From the training data; 0 for a model that does not know it."""


class ModelFile:
    """A checked model, ready to answer.

    Parameters
    ----------
    path : Path
        The ONNX file.

    Raises
    ------
    ModelError
        If it cannot be read, is no ONNX, or is not a model of musqa in this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        data = _read(path)
        self.digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        """blake2b, 16 bytes, of the file: scores of equal digests are comparable."""
        self._session = _session(data, path)
        self.record = _record(self._session, path)
        self.name = str(self.record.get("name") or path.stem)
        self.version = str(self.record.get("version") or "")
        self.step_quality = _steps(self.record, path)
        _check_ports(self._session, len(self.step_quality), path)
        calibration = self.record.get("calibration")
        try:
            self.calibration = None if calibration is None else Calibration.from_record(calibration)
        except ValueError as error:
            raise ModelError(f"{path}: {error}; export the model again") from error
        self.knows_distance = self.record.get("domain") is not None

    @property
    def label(self) -> str:
        """Name and version, as scores carry it."""
        return f"{self.name} {self.version}".strip()

    @property
    def card(self) -> str:
        """The model card, Markdown; empty if there is none."""
        return str(self.record.get("card") or "")

    def answer(self, image: NDArray[np.uint8]) -> Answer:
        """Ask the model about one image.

        Parameters
        ----------
        image : ndarray of uint8, shape (31, 1024)
            From `band_image`.

        Returns
        -------
        Answer
            The distribution over the steps of quality, and the distance.
        """
        probability, distance = self._session.run(
            ["probability", "distance"], {"image": image.reshape(IMAGE_SHAPE)}
        )
        return Answer(probability[0], float(distance[0]) if self.knows_distance else 0.0)


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
    """Return the folder of the user's choices, where the platform has it.

    Returns
    -------
    Path
        ``musqa`` below ``$XDG_CONFIG_HOME`` or ``~/.config``; on macOS below
        ``~/Library/Application Support``, on Windows below ``%APPDATA%``. It may not exist yet.
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
    """Make a model the user's choice, or go back to the shipped one.

    Parameters
    ----------
    path : Path or None
        A model file, which is checked and copied; None forgets the choice.

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
    """Load a model once a process; further calls return the same one.

    Parameters
    ----------
    path : Path
        The ONNX file, from `resolve_model_path`.

    Returns
    -------
    ModelFile
        Checked, ready to answer.
    """
    return ModelFile(path)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(
                f"{path}: {size / 1e6:.0f} MB, expected a model of at most {MAX_BYTES / 1e6:.0f} MB"
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read the model {path}: {error.strerror or error}; name another with --model"
        ) from error


def _session(data: bytes, path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's classes have no common root of their own
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)
        raise ModelError(
            f"{path} is no ONNX file that onnxruntime can load ({first}); musqa model export makes "
            "one of a trained run"
        ) from error


def _record(session: Any, path: Path) -> dict[str, Any]:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(
            f"{path} is an ONNX file, but not one of musqa's: its metadata have no key "
            f"{METADATA_KEY!r}; musqa model export makes one of a trained run"
        )
    try:
        record = json.loads(text)
    except ValueError as error:
        raise ModelError(f"{path}: its metadata are no JSON ({error}); export it again") from error
    found = record.get("format") if isinstance(record, dict) else None
    if found != FORMAT:
        raise ModelError(
            f"{path}: model format {found!r}, expected {FORMAT}; "
            "export it again with this version of musqa, or install the version that made it"
        )
    return dict(record)


def _steps(record: dict[str, Any], path: Path) -> NDArray[np.float64]:
    try:
        steps = np.asarray(record["step_quality"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        steps = np.zeros(0)
    if steps.ndim != 1 or len(steps) < 2 or not np.all(np.diff(steps) > 0):
        raise ModelError(f"{path}: step_quality is no rising list of numbers; export it again")
    return steps


def _check_ports(session: Any, n_steps: int, path: Path) -> None:
    found = {p.name: (p.type, tuple(p.shape)) for p in session.get_inputs() + session.get_outputs()}
    wanted = {
        "image": ("tensor(uint8)", IMAGE_SHAPE),
        "probability": ("tensor(float)", (1, n_steps)),
        "distance": ("tensor(float)", (1,)),
    }
    if found != wanted:
        raise ModelError(
            f"{path}: inputs and outputs are {found}, expected {wanted}; export it again"
        )
