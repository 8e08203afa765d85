"""The 1-D CNN of paper 001 out of a file of Keras, as a run that musqa can load and evaluate.

The authors' code turned each spectrogram with ``rot90``, so that time runs backwards in it. Turning
the filters round would not undo that: of 927 and of 461 frames the poolings drop the last, which is
then the first. So the network is `Cnn1dReversed`, which turns the image and leaves the weights as
they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.imports.keras_files import KerasFile, KerasLayer, read_keras_file
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    write_json,
    write_weights,
)

ORIGIN_FILE = "origin.json"
"""Says of what file a run was made."""
UPRIGHT, REVERSED = "cnn1d", "cnn1d_reversed"
SHAPES = {
    "conv1": (11, 256, 64),
    "conv2": (7, 64, 128),
    "conv3": (3, 128, 256),
    "dense1": (58_880, 256),
    "dense2": (256, 128),
    "dense3": (128, 1),
}
"""Kernels of table III in Keras' order of axes: frames, channels in, channels out; or in, out."""
_IDLE = ("InputLayer", "Dropout")
_CONVOLUTION = {
    "strides": 1, "dilation_rate": 1, "padding": "valid", "data_format": "channels_last",
    "groups": 1, "activation": "relu",
}  # fmt: skip
_POOLING = {"pool_size": 2, "strides": 2, "padding": "valid", "data_format": "channels_last"}
_DENSE = {"activation": "linear"}
_EXPECTED: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("Conv1D", _CONVOLUTION), ("MaxPooling1D", _POOLING)) * 3,
    ("Flatten", {}),
    *(("Dense", _DENSE),) * 3,
)


def import_keras(path: Path, out: Path, *, time_reversed: bool = True) -> dict[str, Any]:
    """Make a run of a file of Keras.

    Parameters
    ----------
    path : Path
        Weights or a whole model.
    out : Path
        New folder of the run; ``settings.json``, ``weights.pt`` and ``origin.json`` are written.
    time_reversed : bool
        Whether the network learned from images in which time runs backwards, as the authors' did.

    Returns
    -------
    dict
        What ``origin.json`` says: file, hash, layout, version of Keras, network, and ``checked``,
        whether the file says how layers are set, or their shapes alone could be compared.

    Raises
    ------
    ModelError
        If the file is no such network; the text names the layer. Or if `out` holds another run.
    LakeError
        If `out` cannot be written.
    """
    if (out / WEIGHTS_FILE).exists():
        raise ModelError(f"{out} holds a run already; name a new folder with --out")
    file = read_keras_file(path)
    weights = _to_state_dict(file, path)
    name = REVERSED if time_reversed else UPRIGHT
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
    origin = {
        "file": path.name,
        "blake2b": digest,
        "layout": file.layout,
        "keras_version": file.keras_version,
        "model": name,
        "checked": "shapes and layers" if file.config else "shapes alone",
    }
    settings = asdict(TrainingSettings())
    write_json(out / ORIGIN_FILE, origin)
    write_json(
        out / SETTINGS_FILE, {"model": name, "data_fingerprint": digest, "settings": settings}
    )
    write_weights(out / WEIGHTS_FILE, weights)  # last: what has it is whole
    return origin


def _to_state_dict(file: KerasFile, path: Path) -> dict[str, Tensor]:
    """Turn Keras' weights into the state dictionary of `Cnn1d`; refuse what is not table III's."""
    if file.config is not None:
        _check_config(file.config, path)
    if len(file.layers) != len(SHAPES):
        named = ", ".join(_shown(layer) for layer in file.layers) or "none"
        raise ModelError(
            f"{path} has {len(file.layers)} layers with weights ({named}), expected 6: three "
            "convolutions and three dense layers, as in table III of paper 001"
        )
    weights: dict[str, Tensor] = {}
    for (name, shape), layer in zip(SHAPES.items(), file.layers, strict=True):
        wanted = (shape, shape[-1:])
        found = tuple(array.shape for array in layer.arrays)
        if found != wanted:
            raise ModelError(
                f"{path}: layer {_shown(layer)}, expected kernel {shape} and bias {shape[-1:]}: it "
                "is not the network of table III of paper 001"
            )
        kernel, bias = layer.arrays
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise ModelError(f"{path}: layer {layer.name} has weights that are not finite")
        # Keras counts inputs before outputs, torch the other way round.
        weights[f"{name}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel.T))
        weights[f"{name}.bias"] = torch.from_numpy(bias)
    return weights


def _check_config(config: tuple[dict[str, Any], ...], path: Path) -> None:
    acting = [layer for layer in config if layer["class_name"] not in _IDLE]
    kinds = [layer["class_name"] for layer in acting]
    wanted = [kind for kind, _ in _EXPECTED]
    if kinds != wanted:
        raise ModelError(
            f"{path} has the layers {', '.join(kinds)}; expected {', '.join(wanted)}, as in table "
            "III of paper 001"
        )
    for layer, (kind, settings) in zip(acting, _EXPECTED, strict=True):
        for key, value in settings.items():
            found = layer["config"].get(key, value)
            found = found[0] if isinstance(found, list) and len(found) == 1 else found
            if found != value:
                raise ModelError(
                    f"{path}: layer {layer['config'].get('name', kind)} ({kind}) has "
                    f"{key}={found!r}, expected {value!r}"
                )


def _shown(layer: KerasLayer) -> str:
    return f"{layer.name} {' and '.join(str(array.shape) for array in layer.arrays)}"
