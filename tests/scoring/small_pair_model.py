"""A model file of pairs whose answer can be computed by hand: quality falls with the difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from musqa_pipeline.audio.features.gammatone_bands import N_BANDS
from musqa_pipeline.scoring.model_seal import sealed

TOP, SLOPE = 0.9, 2.5
RECORD = {"format": 1, "name": "small", "version": "1", "network": "insenet", "card": "# small"}


def expected_quality(image: np.ndarray) -> float:
    """What the model says of an image of a pair."""
    return TOP - SLOPE * float(np.abs(image[:, :N_BANDS] - image[:, N_BANDS:]).mean())


def write_pair_model(
    path: Path, *, record: dict[str, Any] | None = None, slope: float = SLOPE, seal: bool = True
) -> Path:
    """Write the model, sealed."""

    def constant(name: str, value: Any, dtype: type = np.int64) -> onnx.TensorProto:
        return numpy_helper.from_array(np.asarray(value, dtype), name)

    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Slice", ["pair", "zero", "half", "axis"], ["reference"]),
            node("Slice", ["pair", "half", "whole", "axis"], ["degraded"]),
            node("Sub", ["reference", "degraded"], ["difference"]),
            node("Abs", ["difference"], ["gap"]),
            node("ReduceMean", ["gap"], ["mean"], axes=[1, 2], keepdims=0),
            node("Mul", ["mean", "slope"], ["loss"]),
            node("Sub", ["top", "loss"], ["quality"]),
        ],
        "small",
        [helper.make_tensor_value_info("pair", TensorProto.FLOAT, [1, "frames", 2 * N_BANDS])],
        [helper.make_tensor_value_info("quality", TensorProto.FLOAT, [1])],
        [
            constant("zero", [0]),
            constant("half", [N_BANDS]),
            constant("whole", [2 * N_BANDS]),
            constant("axis", [2]),
            constant("slope", slope, np.float32),
            constant("top", TOP, np.float32),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.metadata_props.add(key="musqa", value=json.dumps(RECORD | (record or {})))
    data = model.SerializeToString()
    path.write_bytes(sealed(data) if seal else data)
    return path
