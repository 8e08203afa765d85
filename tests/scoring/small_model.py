"""A model file whose answer can be computed by hand: quality is the level of the highs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STEPS = np.linspace(0, 0.95, 40)
FIRST_BAND, LAST_BAND = 64, 220
"""Bands from 6 to 20.6 kHz."""
FULL_CELL = 150.0
"""Mean cell of these bands, -25 dB, that stands for a quality of 1."""
WIDTH = 0.05
CALIBRATION = {
    "level": 0.9,
    "knots_quality": [0.2, 0.8],
    "low": [0.05, 0.02],
    "high": [0.04, 0.01],
    "distance_knots": [0.0, 1.0],
    "distance_scale": [1.0, 2.0],
}


def expected_quality(image: np.ndarray) -> float:
    """The mean of the distribution that the model answers with."""
    level = image[:, FIRST_BAND:LAST_BAND].astype(np.float64).mean() / FULL_CELL
    weight = np.exp(-(((STEPS - level) / WIDTH) ** 2) / 2)
    return float(min(np.sum(weight * STEPS) / np.sum(weight), 0.9333))


def write_model(
    path: Path,
    *,
    distance: float = 0.5,
    calibration: dict[str, Any] | None = CALIBRATION,
    record: dict[str, Any] | None = None,
    shape: tuple[int, ...] = (1, 31, 1024),
    nan_below: float = -1.0,
    excess: float = 0.0,
) -> Path:
    """Write the model; every answer has the same `distance`.

    Images whose highs are weaker than `nan_below` get no probabilities, and `excess` is added to
    each probability.
    """

    def constant(name: str, value: Any, dtype: type = np.float32) -> onnx.TensorProto:
        return numpy_helper.from_array(np.asarray(value, dtype), name)

    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Slice", ["image", "starts", "ends", "axes"], ["highs"]),
            node("Cast", ["highs"], ["cells"], to=TensorProto.FLOAT),
            node("ReduceMean", ["cells"], ["mean"], axes=[1, 2], keepdims=0),
            node("Div", ["mean", "full"], ["level"]),
            node("Unsqueeze", ["level", "axis"], ["column"]),
            node("Sub", ["steps", "column"], ["apart"]),
            node("Mul", ["apart", "apart"], ["square"]),
            node("Div", ["square", "negative"], ["logits"]),
            node("Softmax", ["logits"], ["shares"], axis=1),
            node("Sub", ["mean", "nan_below"], ["above"]),
            node("Log", ["above"], ["number"]),
            node("Mul", ["number", "zero"], ["none"]),
            node("Add", ["none", "excess"], ["more"]),
            node("Add", ["shares", "more"], ["probability"]),
            node("Mul", ["mean", "zero"], ["nothing"]),
            node("Add", ["nothing", "far"], ["distance"]),
        ],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, (1, 40)),
            helper.make_tensor_value_info("distance", TensorProto.FLOAT, (1,)),
        ],
        [
            constant("starts", [FIRST_BAND], np.int64),
            constant("ends", [LAST_BAND], np.int64),
            constant("axes", [2], np.int64),
            constant("axis", [1], np.int64),
            constant("full", FULL_CELL),
            constant("steps", STEPS[None]),
            constant("negative", -2 * WIDTH**2),
            constant("zero", 0.0),
            constant("nan_below", nan_below),
            constant("excess", excess),
            constant("far", [distance]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    default = {
        "format": 1,
        "name": "small",
        "version": "1",
        "network": "none",
        "step_quality": STEPS.tolist(),
        "calibration": calibration,
        "domain": {},
        "card": "# small",
    }
    text = json.dumps(default if record is None else default | record)
    model.metadata_props.add(key="musqa", value=text)
    onnx.save(model, path)
    return path
