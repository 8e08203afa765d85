"""Load a trained network and let it predict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.core.files import explained
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.learning.training.checkpoint import SETTINGS_FILE, WEIGHTS_FILE, read_weights

TOP_QUALITY = 1.0
"""Predictions above it are cut to it (paper 001, III.D)."""
MOST_BYTES = {SETTINGS_FILE: 1_000_000, WEIGHTS_FILE: 4_000_000_000}
"""Of the files of a run; VGG19 has 575 MB of weights."""
_AT_ONCE = 64
"""Most images that are looked at together, so that memory is bounded."""


def load_model(folder: Path, *, device: str = "cpu") -> nn.Module:
    """Load the best weights of a run.

    Parameters
    ----------
    folder : Path
        Folder of the run, with ``settings.json`` and ``weights.pt``.
    device : str
        Where to put the network, see `find_device`.

    Returns
    -------
    nn.Module
        In evaluation mode (no dropout).

    Raises
    ------
    LakeError
        If a file is absent or damaged, or the weights are not finite or do not fit the network.
    SettingsError
        If the registry no longer has the network, or there is no such device.
    """
    folder = Path(folder)
    for name, most_bytes in MOST_BYTES.items():
        path = folder / name
        with explained("read", path):
            if path.exists() and not path.is_file():  # a pipe would be waited for
                raise LakeError(f"{path} is no file (a folder, pipe or device); name another run")
            if path.is_file() and path.stat().st_size > most_bytes:
                raise LakeError(f"{path} has more than {most_bytes / 1e6:g} MB; name another run")
    name, settings = _read_settings(folder / SETTINGS_FILE)
    weights = read_weights(folder / WEIGHTS_FILE)
    with torch.random.fork_rng(devices=[]):  # fresh weights are drawn, and overwritten
        network = find_model(name).build(settings)
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{folder / WEIGHTS_FILE} does not fit the network {name!r} of this version "
            f"of musqa; train it again ({str(error).splitlines()[-1].strip()})"
        ) from error
    if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()):
        raise LakeError(f"{folder / WEIGHTS_FILE} holds weights that are NaN; train it again")
    return network.to(find_device(device)).eval()


def predict(
    model: nn.Module, batches: Iterable[NDArray[np.float32] | Tensor | Sequence[Any]]
) -> NDArray[np.float32]:
    """Predict the quality of images.

    Parameters
    ----------
    model : nn.Module
        From `load_model`.
    batches : iterable
        Images of shape (n, frames, mel bands) in 0-1, or tuples that begin with them, as a loader
        gives. How they are divided into batches changes a prediction by rounding only (1e-6).

    Returns
    -------
    ndarray of float32, shape (images,)
        Predicted quality in the order of the images, at most 1.0; not cut at the low end, as in
        the paper. `quality * 100` is the scale of reports.

    Raises
    ------
    StageError
        If a prediction is not finite.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    parts = [np.empty(0, np.float32)]
    try:
        with torch.no_grad():
            for batch in batches:
                images = batch[0] if isinstance(batch, tuple | list) else batch
                for piece in torch.as_tensor(images).split(_AT_ONCE):
                    quality = model(piece.to(device, torch.float32))
                    parts.append(quality.clamp(max=TOP_QUALITY).cpu().numpy())
    finally:
        model.train(was_training)
    predicted = np.concatenate(parts)
    if not np.isfinite(predicted).all():
        raise StageError(
            f"{int((~np.isfinite(predicted)).sum())} of {len(predicted)} predictions are not "
            "finite; look for NaN in the spectrograms, or train the network again"
        )
    return predicted


def predict_rows(
    networks: Mapping[str, nn.Module],
    shards: ImageShards,
    keys: Sequence[tuple[str, str]],
    *,
    batch_size: int = _AT_ONCE,
) -> dict[str, NDArray[np.float64]]:
    """Predict stored images, reading each of them once for all networks.

    Parameters
    ----------
    networks : mapping of str to nn.Module
        From `load_model`, by name.
    shards : ImageShards
        The images.
    keys : sequence of (catalog, degraded_id)
        Rows of `shards`, in the order wanted.
    batch_size : int
        Images in memory at a time.

    Returns
    -------
    dict of str to ndarray of float64, shape (keys,)
        Predicted quality, by network.

    Raises
    ------
    StageError
        If a prediction is not finite.
    """
    found: dict[str, dict[tuple[str, str], float]] = {name: {} for name in networks}
    for batch in iter_rows(shards, batch_size):
        names = list(zip(batch.catalogs, batch.degraded_ids, strict=True))
        for model, network in networks.items():
            quality = predict(network, [batch.images]).tolist()
            found[model].update(zip(names, quality, strict=True))
    return {model: np.array([values[key] for key in keys]) for model, values in found.items()}


def _read_settings(path: Path) -> tuple[str, TrainingSettings]:
    """Return which network was trained, and how."""
    try:
        record = json.loads(seals.read(path).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LakeError(f"cannot read {path}: {error}; train the network again") from error
    try:
        return str(record["model"]), TrainingSettings.of(record["settings"])
    except (KeyError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{path} is no record of a training ({repr(error)[:200]}); train the network again"
        ) from error
