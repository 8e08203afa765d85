"""What paper 001's networks look like in Keras: their layers in order, and ours that get weights.

Shapes, strides and padding follow from our networks; Keras' own applications say how Inception v3
and VGG19 are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from musqa_pipeline.learning.imports.keras_files import KerasFile
from musqa_pipeline.learning.networks.backbone import SIDE


@dataclass(frozen=True)
class Step:
    """A layer that a network must have."""

    kind: str
    """Its class in Keras."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its configuration must say; a tuple holds all that it may say."""
    module: str = ""
    """Of ours, which gets its weights."""
    maps: int = 0
    """Rows and columns of the maps that it reads flattened, with the channels last; 0: none."""


class Branches(tuple["Line", ...]):
    """Lines of layers that read the same and whose answers are concatenated, in this order."""

    __slots__ = ()


Line = tuple[Step | Branches, ...]
"""Layers that read each other."""


@dataclass(frozen=True)
class Layout:
    """How a network of the paper is laid out."""

    model: str
    """In the registry."""
    described: str
    """Where the paper describes it."""
    line: Callable[[nn.Module], Line]
    """Lists its layers, given ours."""


RESHAPE = Step("Reshape", {"target_shape": ([1876, 256, 1],)})
"""Of table IV; a network whose input has a channel already does without."""
CONCATENATE = Step("Concatenate", {"axis": (3, -1)})
CLASSES = ("softmax", "linear")
"""What the 1000 outputs of a backbone may go through."""
_RESIZING = Step(
    "Resizing",
    {
        "height": SIDE, "width": SIDE, "interpolation": "bilinear", "antialias": False,
        "crop_to_aspect_ratio": False, "pad_to_aspect_ratio": False,
        "data_format": "channels_last",
    },
)  # fmt: skip
_RELU = Step("Activation", {"activation": "relu"})
_FLATTEN = Step("Flatten", {"data_format": "channels_last"})
_MEAN = Step("GlobalAveragePooling2D", {"data_format": "channels_last", "keepdims": False})


def _pooling(kind: str, size: int, strides: int, padding: str) -> Step:
    return Step(
        kind,
        {
            "pool_size": size, "strides": strides, "padding": padding,
            "data_format": "channels_last",
        },
    )  # fmt: skip


def _convolution(network: nn.Module, name: str, activation: str) -> Step:
    ours = network.get_submodule(name)
    assert isinstance(ours, nn.Conv1d | nn.Conv2d)
    alike = max(ours.kernel_size) == 1  # nothing to pad
    padding: Any = ("valid", "same") if alike else "same" if any(ours.padding) else "valid"
    settings = {
        "strides": ours.stride[0], "dilation_rate": 1, "padding": padding, "groups": 1,
        "data_format": "channels_last", "activation": activation,
    }  # fmt: skip
    return Step("Conv1D" if isinstance(ours, nn.Conv1d) else "Conv2D", settings, name)


def _dense(name: str, activation: Any = "linear", maps: int = 0) -> Step:
    return Step("Dense", {"activation": activation}, name, maps)


_HEAD = tuple(_dense(f"dense{number}") for number in (1, 2, 3))


def _table_iii(network: nn.Module) -> Line:
    halved = _pooling("MaxPooling1D", 2, 2, "valid")
    convolutions = [_convolution(network, f"conv{n}", "relu") for n in (1, 2, 3)]
    return (*(step for layer in convolutions for step in (layer, halved)), _FLATTEN, *_HEAD)


def _table_iv(network: nn.Module, backbone: Callable[[nn.Module], Line]) -> Line:
    stem = _convolution(network, "stem", "relu")
    return (RESHAPE, stem, _RESIZING, *backbone(network), *_HEAD)


_AT = "backbone.network."
"""Where our networks of table IV have their backbone."""


def _vgg19(network: nn.Module) -> Line:
    steps: list[Step] = []
    for name, layer in network.get_submodule(f"{_AT}features").named_children():
        if isinstance(layer, nn.Conv2d):
            steps.append(_convolution(network, f"{_AT}features.{name}", "relu"))
        elif isinstance(layer, nn.MaxPool2d):
            steps.append(_pooling("MaxPooling2D", 2, 2, "valid"))
    return (
        *steps,
        _FLATTEN,
        _dense(f"{_AT}classifier.0", "relu", maps=7),
        _dense(f"{_AT}classifier.3", "relu"),
        _dense(f"{_AT}classifier.6", CLASSES),
    )


_MAXIMUM, _AVERAGE = "maximum", "average"
_THRICE = "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3"
_A = ("branch1x1", "branch5x5_1 branch5x5_2", _THRICE, f"{_AVERAGE} branch_pool")
_B = ("branch3x3", _THRICE, _MAXIMUM)
_C = (
    "branch1x1",
    "branch7x7_1 branch7x7_2 branch7x7_3",
    "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5",
    f"{_AVERAGE} branch_pool",
)
_D = (
    "branch3x3_1 branch3x3_2",
    "branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4",
    _MAXIMUM,
)
_E = (
    "branch1x1",
    "branch3x3_1 branch3x3_2a|branch3x3_2b",
    "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3a|branch3x3dbl_3b",
    f"{_AVERAGE} branch_pool",
)
_MIXED = {
    "Mixed_5b": _A, "Mixed_5c": _A, "Mixed_5d": _A, "Mixed_6a": _B, "Mixed_6b": _C,
    "Mixed_6c": _C, "Mixed_6d": _C, "Mixed_6e": _C, "Mixed_7a": _D, "Mixed_7b": _E,
    "Mixed_7c": _E,
}  # fmt: skip
"""Branches of Inception v3's blocks in torchvision's names; a bar stands between branches again."""
_BEFORE_MIXED = (
    f"Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 {_MAXIMUM} Conv2d_3b_1x1 Conv2d_4a_3x3 {_MAXIMUM}"
)


def _inception_v3(network: nn.Module) -> Line:
    pools = {
        _MAXIMUM: _pooling("MaxPooling2D", 3, 2, "valid"),
        _AVERAGE: _pooling("AveragePooling2D", 3, 1, "same"),
    }

    def unit(name: str) -> Line:
        norm = network.get_submodule(f"{name}.bn")
        assert isinstance(norm, nn.BatchNorm2d)
        settings = {"axis": (3, -1), "epsilon": norm.eps, "center": True}
        return (
            _convolution(network, f"{name}.conv", "linear"),
            Step("BatchNormalization", settings, f"{name}.bn"),
            _RELU,
        )

    def line(words: str, at: str) -> Line:
        steps: list[Step | Branches] = []
        for word in words.split():
            if word in pools:
                steps.append(pools[word])
            elif "|" in word:
                steps.append(Branches(unit(f"{at}{name}") for name in word.split("|")))
            else:
                steps.extend(unit(f"{at}{word}"))
        return tuple(steps)

    mixed = [Branches(line(x, f"{_AT}{name}.") for x in lines) for name, lines in _MIXED.items()]
    return (*line(_BEFORE_MIXED, _AT), *mixed, _MEAN, _dense(f"{_AT}fc", CLASSES))


CNN1D = Layout("cnn1d", "table III of paper 001", _table_iii)
INCEPTION_V3 = Layout(
    "inception_v3_keras",
    "table IV of paper 001 with Inception v3",
    lambda network: _table_iv(network, _inception_v3),
)
VGG19 = Layout(
    "vgg19_keras",
    "table IV of paper 001 with VGG19",
    lambda network: _table_iv(network, _vgg19),
)


def recognise(file: KerasFile) -> Layout:
    """Tell which network a file must be, if it is one: by two-dimensional convolutions and norms.

    Parameters
    ----------
    file : KerasFile
        What was read.

    Returns
    -------
    Layout
        The only one that the file could be; whether it is, only a comparison tells.
    """
    if file.graph is not None:
        kinds = {node.kind for node in file.graph.nodes}
        has_maps, has_norms = "Conv2D" in kinds, "BatchNormalization" in kinds
    else:
        has_maps = any(layer.arrays[0].ndim == 4 for layer in file.layers)
        has_norms = any(len(layer.arrays) > 2 for layer in file.layers)
    return (INCEPTION_V3 if has_norms else VGG19) if has_maps else CNN1D


def steps_of(line: Sequence[Step | Branches]) -> Iterator[Step]:
    """Yield all layers of a line, those of its branches in order, as Keras makes them.

    Parameters
    ----------
    line : sequence
        Layers and branches.

    Yields
    ------
    Step
        Each layer, with one of kind ``Concatenate`` behind branches.
    """
    for step in line:
        if isinstance(step, Branches):
            for branch in step:
                yield from steps_of(branch)
            yield CONCATENATE
        else:
            yield step
