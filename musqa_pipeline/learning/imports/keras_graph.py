"""The layers of a Keras model and what each reads, out of its configuration.

Models inside of models (Keras' applications in a ``Sequential``) are laid open, so that they and
models whose layers stand side by side give the same graph.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MODELS = ("Functional", "Sequential", "Model")
"""Kinds of layers that hold layers."""


@dataclass(frozen=True)
class KerasNode:
    """A layer of a model."""

    name: str
    kind: str
    """Its class in Keras."""
    config: dict[str, Any]
    inputs: tuple[int, ...]
    """Numbers of the layers that it reads; all of them stand before it."""
    places: tuple[str, str]
    """Where its weights lie in files of Keras 3 and of Keras 2."""


@dataclass(frozen=True)
class KerasGraph:
    """A model with one output."""

    nodes: tuple[KerasNode, ...]
    output: int
    """Number of the layer that answers."""


def graph_of(model: dict[str, Any]) -> KerasGraph:
    """Lay a model's configuration (``class_name`` and ``config``) open.

    Parameters
    ----------
    model : dict
        As in ``config.json`` of a ``.keras`` file, or ``model_config`` of HDF5.

    Returns
    -------
    KerasGraph
        All layers, those of models inside of it among them.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError, IndexError
        If it is no configuration of Keras, uses a layer twice, or has several outputs.
    """
    nodes: list[KerasNode] = []
    output = _add_model(model["config"], None, ("", ""), nodes)
    if output is None:
        raise ValueError("a model without layers")
    return KerasGraph(tuple(nodes), output)


def _add_model(
    config: Any, given: int | None, inside: tuple[str, str], nodes: list[KerasNode]
) -> int | None:
    """Add the layers of a model that reads `given`, and return which one answers."""
    in_a_row = not (isinstance(config, dict) and "output_layers" in config)
    numbers: dict[str, int | None] = {}
    counts: Counter[str] = Counter()
    last = given
    for layer in config["layers"] if isinstance(config, dict) else config:
        kind, settings = str(layer["class_name"]), dict(layer["config"])
        name = str(layer.get("name") or settings.get("name", kind))
        if in_a_row and last is None and kind != "InputLayer":  # early Keras 2 says it here
            image = {"batch_shape": settings.get("batch_input_shape")}
            nodes.append(KerasNode("input", "InputLayer", image, (), ("", "")))
            last = len(nodes) - 1
        inputs = [last] if in_a_row else [numbers[source] for source in _inputs(layer, name)]
        # Keras 3 counts the layers of each class.
        stem = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
        saved = f"{inside[0]}layers/{stem}" + (f"_{counts[stem]}" if counts[stem] else "")
        counts[stem] += 1
        if kind in MODELS:
            (source,) = inputs or [None]
            # Keras 2 has the weights of all layers in the folder of the outermost.
            last = _add_model(settings, source, (f"{saved}/", inside[1] or f"{name}/"), nodes)
        elif kind == "InputLayer" and given is not None:
            last = given
        else:
            known = tuple(number for number in inputs if number is not None)
            nodes.append(KerasNode(name, kind, settings, known, (saved, f"{inside[1]}{name}")))
            last = len(nodes) - 1
        numbers[name] = last
    if not in_a_row:
        (answer,) = _sources(config["output_layers"])
        last = numbers[answer]
    return last


def _inputs(layer: dict[str, Any], name: str) -> list[str]:
    uses = layer["inbound_nodes"]
    if len(uses) > 1:
        raise ValueError(f"layer {name} is used {len(uses)} times")
    return list(_sources(uses))


def _sources(said: Any) -> Iterator[str]:
    """Yield the layers that a configuration refers to, in either generation's words."""
    if isinstance(said, dict):
        if said.get("class_name") == "__keras_tensor__":
            yield str(said["config"]["keras_history"][0])
        else:
            for value in said.values():
                yield from _sources(value)
    elif isinstance(said, list):
        if said and isinstance(said[0], str):  # Keras 2: name, use, output, arguments
            yield said[0]
        else:
            for value in said:
                yield from _sources(value)
