"""A model file with a rule for weights: the more there is above 10 kHz, the better the score."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from musqa_pipeline.audio.features.bands import N_BANDS, N_COLUMNS, band_centres_hz

N_STEPS = 40
STEP_QUALITY = np.linspace(0.0, 0.93, N_STEPS)


def write_tiny_model(path, *, calibration=None):
    """Write it to `path` and return that."""
    weights = np.zeros((N_COLUMNS, 1), np.float32)
    high = band_centres_hz() > 10_000
    weights[:N_BANDS][high, 0] = 1.0 / high.sum()
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["levels"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["level"]),
        helper.make_node("Mul", ["level", "scale"], ["place"]),
        helper.make_node("Sub", ["place", "steps"], ["off"]),
        helper.make_node("Mul", ["off", "off"], ["squared"]),
        helper.make_node("Neg", ["squared"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probability"], axis=1),
        helper.make_node("ReduceMax", ["level"], ["largest"], axes=[1], keepdims=0),
        helper.make_node("Sub", ["largest", "largest"], ["distance"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 31, N_COLUMNS])],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, [1, N_STEPS]),
            helper.make_tensor_value_info("distance", TensorProto.FLOAT, [1]),
        ],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.float32([N_STEPS / 160]), "scale"),
            numpy_helper.from_array(np.arange(N_STEPS, dtype=np.float32)[None], "steps"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    record = {
        "format": 1,
        "name": "tiny",
        "version": "0",
        "network": "rule",
        "step_quality": STEP_QUALITY.tolist(),
        "calibration": calibration,
        "domain": None,
        "card": "A rule, for tests.",
    }
    model.metadata_props.add(key="musqa", value=json.dumps(record))
    onnx.save(model, str(path))
    return path
