"""What a finished pre-training of NISQA's convolutions left in its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.nisqa import FramewiseNetwork
from musqa_pipeline.learning.training.checkpoint import (
    CURVES_FILE,
    SETTINGS_FILE,
    WEIGHTS_FILE,
    History,
    read_weights,
)
from musqa_pipeline.learning.training.kept import filled
from musqa_pipeline.learning.training.schedule import is_over

AUTOENCODER, DCEC, CLASSIFIER = "framewise_autoencoder", "dcec", "degradation_classifier"
"""What each is called, as first weights follow from (seed, name)."""
NAMES = (AUTOENCODER, DCEC, CLASSIFIER)
_BODY = "body."


def read_body(folder: Path) -> dict[str, Tensor]:
    """Read the convolutions that a pre-training has made.

    Parameters
    ----------
    folder : Path
        Of a finished run of any of the three.

    Returns
    -------
    dict of str to Tensor
        The state of a `FramewiseNetwork` of any hop, on the CPU.

    Raises
    ------
    LakeError
        If the folder holds another network, no finished run, or damaged files.
    """
    read_record(folder, NAMES)
    path = Path(folder) / WEIGHTS_FILE
    state = {
        name.removeprefix(_BODY): tensor
        for name, tensor in read_weights(path).items()
        if name.startswith(_BODY)
    }
    return dict(filled(lambda: FramewiseNetwork(1), state, path).state_dict())


def read_record(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Read the settings of a finished run of one of the networks `names`, or raise a LakeError."""
    folder = Path(folder)
    record = _read(folder / SETTINGS_FILE)
    if record.get("model") not in names:
        raise LakeError(
            f"{folder} holds a training of {record.get('model')!r:.50}, expected one of "
            f"{' or '.join(names)}; give the folder of another run"
        )
    settings: dict[str, Any] = record.get("settings", {})
    curves = _read(folder / CURVES_FILE)
    history = History({**curves, "seconds": curves.get("loss", [])})  # as many, and never looked at
    if not (history.is_settled or is_over(history.judged, TrainingSettings.of(settings))):
        raise LakeError(
            f"{folder} holds a training of {record['model']} that is not finished; let it go on to "
            "its end first"
        )
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(seals.read(path))
    except (OSError, ValueError) as error:
        raise LakeError(f"cannot read {path}: {error}; train the network again") from error
    if not isinstance(value, dict):
        raise LakeError(f"{path} is no record of a training; train the network again")
    return value
