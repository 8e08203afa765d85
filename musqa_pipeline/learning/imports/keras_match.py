"""Whether a model of Keras is laid out as a network of ours, told layer by layer.

The walk is backwards, from the answer to the image: where branches meet, Keras says in which order,
so that each is known by its place and none by its name.
"""

from __future__ import annotations

from typing import Any

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.learning.imports.keras_graph import KerasGraph, KerasNode
from musqa_pipeline.learning.imports.keras_layouts import (
    CONCATENATE,
    RESHAPE,
    Branches,
    Line,
    Step,
    steps_of,
)

IMAGE = (1876, 256)
"""Frames and bands, which the input must have."""
_IDLE = ("InputLayer", "Dropout")


def match(graph: KerasGraph, line: Line, described: str) -> dict[str, KerasNode]:
    """Find the layer of Keras for each module of ours.

    Parameters
    ----------
    graph : KerasGraph
        What the file says.
    line : Line
        What it must say.
    described : str
        Where the network is described, for messages.

    Returns
    -------
    dict
        By the name of the module.

    Raises
    ------
    ModelError
        If a layer is another one, set otherwise, or reads another; the text names it.
    """
    steps = list(steps_of(line))
    found = list(dict.fromkeys(n.kind for n in graph.nodes if n.kind not in _IDLE))
    wanted = list(dict.fromkeys(step.kind for step in steps))
    if set(found) | {RESHAPE.kind} != set(wanted) | {RESHAPE.kind}:
        raise ModelError(
            f"it has the layers {', '.join(found) or 'none'}; expected {', '.join(wanted)}, as in "
            f"{described}"
        )
    modules: dict[str, KerasNode] = {}
    first = _walk(graph, line, graph.output, modules)
    node = graph.nodes[first]
    if node.kind not in _IDLE:
        raise ModelError(
            f"layer {node.name} ({node.kind}) stands before the first layer of {described}"
        )
    _check_image(node)
    return modules


def _walk(
    graph: KerasGraph,
    line: Line,
    number: int,
    modules: dict[str, KerasNode],
    reader: str = "the answer",
) -> int:
    """Walk a line from its last layer, and return the number of the layer that it reads."""
    for step in reversed(line):
        number = _acting(graph, number)
        node = graph.nodes[number]
        if step == RESHAPE and node.kind != RESHAPE.kind:
            continue
        _compare(node, CONCATENATE if isinstance(step, Branches) else step, reader)
        reader = f"layer {node.name}"
        n_read = len(step) if isinstance(step, Branches) else 1
        if len(node.inputs) != n_read:
            raise ModelError(
                f"{reader} ({node.kind}) reads {len(node.inputs)} layers, expected {n_read}"
            )
        if isinstance(step, Branches):
            ends = [
                _walk(graph, branch, source, modules, reader)
                for branch, source in zip(step, node.inputs, strict=True)
            ]
            if len(set(ends)) > 1:
                read = ", ".join(dict.fromkeys(graph.nodes[end].name for end in ends))
                raise ModelError(
                    f"the branches that {reader} ({node.kind}) joins read {read}, expected one "
                    "layer"
                )
            number = ends[0]
        else:
            if step.module:
                modules[step.module] = node
            number = node.inputs[0]
    return _acting(graph, number)


def _acting(graph: KerasGraph, number: int) -> int:
    """Return the layer itself, or if it does nothing the one that it reads."""
    while graph.nodes[number].kind in _IDLE and graph.nodes[number].inputs:
        number = graph.nodes[number].inputs[0]
    return number


def _compare(node: KerasNode, step: Step, reader: str) -> None:
    if node.kind != step.kind:
        raise ModelError(
            f"layer {node.name} ({node.kind}) stands where {step.kind} is expected, before {reader}"
        )
    for key, value in step.settings.items():
        allowed = value if isinstance(value, tuple) else (value,)
        found = node.config.get(key, allowed[0])
        if found not in allowed and _one(found) not in allowed:
            expected = " or ".join(repr(one) for one in allowed)
            raise ModelError(
                f"layer {node.name} ({node.kind}) has {key}={found!r}, expected {expected}"
            )


def _one(value: Any) -> Any:
    """Return what a list says of every axis, or the value."""
    alike = isinstance(value, list) and value and all(one == value[0] for one in value)
    return value[0] if alike else value


def _check_image(node: KerasNode) -> None:
    shape = node.config.get("batch_shape") or node.config.get("batch_input_shape")
    if not isinstance(shape, list):
        return
    sizes = list(shape[1:])
    known = sizes[:-1] if len(sizes) == 3 and sizes[-1] == 1 else sizes
    if len(known) != 2 or any(x not in (None, y) for x, y in zip(known, IMAGE, strict=True)):
        raise ModelError(
            f"layer {node.name} ({node.kind}) takes images of {sizes}, expected {list(IMAGE)}: "
            "frames, then bands"
        )
