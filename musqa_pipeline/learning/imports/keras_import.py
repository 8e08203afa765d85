"""A network of paper 001 out of a file of Keras, as a run that musqa can load and evaluate.

The authors' code turned each spectrogram with ``rot90``, for all three networks, so that time runs
backwards in it. Turning the filters round would not undo that: where a pooling or a convolution
with a stride does not come out even it drops the last frame, which is then the first. So the
network turns the image and leaves the weights as they are: `Cnn1dReversed` always does, and
`ImportedBackboneNetwork` keeps among its weights whether it does.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.imports.keras_files import KerasFile, KerasLayer, read_keras_file
from musqa_pipeline.learning.imports.keras_graph import KerasNode
from musqa_pipeline.learning.imports.keras_layouts import (
    CLASSES,
    CNN1D,
    INCEPTION_V3,
    Layout,
    Step,
    recognise,
    steps_of,
)
from musqa_pipeline.learning.imports.keras_match import match
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    write_json,
    write_weights,
)

ORIGIN_FILE = "origin.json"
"""Says of what file a run was made."""
_CNN1D_REVERSED = "cnn1d_reversed"
_AXES = {2: (1, 0), 3: (2, 1, 0), 4: (3, 2, 0, 1)}
"""Keras counts inputs before outputs, torch the other way round and both before lengths."""
_SHOWN_LAYERS = 12
"""More layers than this are not listed in a message."""


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
    SettingsError
        If it is one of table IV, and torchvision is not installed.
    LakeError
        If `out` cannot be written.
    """
    if (out / WEIGHTS_FILE).exists():
        raise ModelError(f"{out} holds a run already; name a new folder with --out")
    file = read_keras_file(path)
    layout = recognise(file)
    with torch.device("meta"):
        network = find_model(layout.model).build(TrainingSettings())
    try:
        weights = _to_state_dict(file, layout, network)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    name = _CNN1D_REVERSED if layout is CNN1D and time_reversed else layout.model
    if "time_reversed" in weights:
        weights["time_reversed"] = torch.tensor(time_reversed)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
    origin = {
        "file": path.name,
        "blake2b": digest,
        "layout": file.layout,
        "keras_version": file.keras_version,
        "model": name,
        "time_reversed": time_reversed,
        "checked": "shapes and layers" if file.graph else "shapes alone",
    }
    settings = asdict(TrainingSettings())
    write_json(out / ORIGIN_FILE, origin)
    write_json(
        out / SETTINGS_FILE, {"model": name, "data_fingerprint": digest, "settings": settings}
    )
    write_weights(out / WEIGHTS_FILE, weights)  # last: what has it is whole
    return origin


def _to_state_dict(file: KerasFile, layout: Layout, network: nn.Module) -> dict[str, Tensor]:
    """Turn Keras' weights into the state dictionary of `network`; refuse what is not `layout`."""
    line = layout.line(network)
    steps = {step.module: step for step in steps_of(line) if step.module}
    wanted = {name: _shapes(network.get_submodule(name)) for name in steps}
    if file.graph is None:
        nodes: Mapping[str, KerasNode] = {}
        layers = _by_shape(file, wanted, layout)
    else:
        nodes = match(file.graph, line, layout.described)
        layers = _by_place(file, wanted, nodes, layout)
    weights: dict[str, Tensor] = {
        name: torch.zeros(tensor.shape, dtype=tensor.dtype)
        for name, tensor in network.state_dict().items()
        if not tensor.is_floating_point()  # of norms the batches seen, of the network how it runs
    }
    for name, step in steps.items():
        if not all(np.isfinite(array).all() for array in layers[name].arrays):
            raise ModelError(f"layer {layers[name].name} has weights that are not finite")
        for key, array in _arrays(layers[name].arrays, step).items():
            weights[f"{name}.{key}"] = torch.from_numpy(np.ascontiguousarray(array))
        if step.settings.get("activation") == CLASSES:
            config = nodes[name].config if nodes else {}
            weights["softmax"] = torch.tensor(config.get("activation", CLASSES[0]) == CLASSES[0])
    return weights


def _arrays(arrays: tuple[NDArray[np.float32], ...], step: Step) -> dict[str, NDArray[np.float32]]:
    """Turn the arrays of one layer, named as in ours."""
    if step.kind == "BatchNormalization":
        beta, mean, variance = arrays[-3:]
        gamma = arrays[0] if len(arrays) > 3 else np.ones_like(beta)
        return {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": variance}
    kernel = arrays[0]
    if step.maps:  # flattened with the channels last, ours with the channels first
        maps = kernel.reshape(step.maps, step.maps, -1, kernel.shape[-1])
        kernel = maps.transpose(2, 0, 1, 3).reshape(kernel.shape)
    ours = {"weight": kernel.transpose(_AXES[kernel.ndim])}
    return ours | ({"bias": arrays[1]} if len(arrays) > 1 else {})


def _shapes(module: nn.Module) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of a layer's arrays in Keras, given ours; a norm's without gamma."""
    if isinstance(module, nn.BatchNorm2d):
        return ((module.num_features,),) * 3
    assert isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear)
    ours = module.weight.shape
    # The inverse of the turn in `_AXES`.
    kernel = tuple(ours[axis] for axis in np.argsort(_AXES[len(ours)]))
    return (kernel,) if module.bias is None else (kernel, (ours[0],))


def _by_place(
    file: KerasFile,
    wanted: Mapping[str, tuple[tuple[int, ...], ...]],
    nodes: Mapping[str, KerasNode],
    layout: Layout,
) -> dict[str, KerasLayer]:
    """Find the weights of layers whose place in the file follows from the model."""
    there = {layer.place: layer for layer in file.layers}
    found = {}
    for name, shapes in wanted.items():
        node = nodes[name]
        layer = next((there[place] for place in node.places if place in there), None)
        if layer is None:
            raise ModelError(f"layer {node.name} ({node.kind}) has no weights in the file")
        if _compared(layer) != shapes:
            raise _misshapen(layer, shapes, layout)
        found[name] = layer
    return found


def _by_shape(
    file: KerasFile, wanted: Mapping[str, tuple[tuple[int, ...], ...]], layout: Layout
) -> dict[str, KerasLayer]:
    """Find weights whose layers do not say what they are: by shape, and by the order of names."""
    if len(file.layers) != len(wanted):
        few = len(file.layers) <= _SHOWN_LAYERS
        named = f" ({', '.join(map(_shown, file.layers)) or 'none'})" if few else ""
        raise ModelError(
            f"it has {len(file.layers)} layers with weights{named}, expected {len(wanted)}, as in "
            f"{layout.described}"
        )
    if layout is INCEPTION_V3 and not all(layer.name for layer in file.layers):
        raise ModelError(
            "it does not name its layers, and only names tell the branches of Inception apart; "
            "give the whole model, a .keras file"
        )
    alike: dict[tuple[tuple[int, ...], ...], deque[KerasLayer]] = {}
    for layer in sorted(file.layers, key=_numbers):
        alike.setdefault(_compared(layer), deque()).append(layer)
    found = {name: alike[s].popleft() for name, s in wanted.items() if alike.get(s)}
    for name, shapes in wanted.items():
        if name not in found:
            left = {id(layer) for queue in alike.values() for layer in queue}
            raise _misshapen(next(x for x in file.layers if id(x) in left), shapes, layout)
    return found


def _numbers(layer: KerasLayer) -> list[int]:
    """Return the numbers in a layer's name: Keras counts its layers as it makes them."""
    return [int(digits) for digits in re.findall(r"\d{1,9}", layer.name or layer.place)]


def _compared(layer: KerasLayer) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of a layer's arrays; a norm's without gamma."""
    shapes = tuple(array.shape for array in layer.arrays)
    return shapes[1:] if len(shapes) == 4 else shapes


def _misshapen(
    layer: KerasLayer, shapes: tuple[tuple[int, ...], ...], layout: Layout
) -> ModelError:
    roles = ("beta", "mean", "variance") if len(shapes) == 3 else ("kernel", "bias")
    named = zip(roles[: len(shapes)], shapes, strict=True)
    expected = " and ".join(f"{role} {shape}" for role, shape in named)
    return ModelError(
        f"layer {_shown(layer)}, expected {expected}: it is not the network of {layout.described}"
    )


def _shown(layer: KerasLayer) -> str:
    shapes = " and ".join(str(array.shape) for array in layer.arrays)
    return f"{layer.name or layer.place} {shapes}"
