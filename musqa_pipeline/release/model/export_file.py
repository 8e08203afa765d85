"""A network written as a model file: ONNX with a record, the network's own answers, and a seal."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from musqa_pipeline.core.errors import ModelError, StageError, UnfitInputError
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.scoring.model_record import FORMAT, METADATA_KEY
from musqa_pipeline.scoring.model_seal import ANSWERS, sealed

OPSET = 17
LARGEST_DIFFERENCE = 1e-4
"""Between the answers of torch and of onnxruntime."""


def write_onnx(
    network: nn.Module,
    example: tuple[Tensor, ...],
    ports: Mapping[str, Any],
    record: Mapping[str, Any],
    path: Path,
    said: Callable[[Path], Mapping[str, Any]],
) -> None:
    """Write a model file, or nothing if the network cannot score.

    `ports` names the inputs and outputs for `torch.onnx.export`; `said` opens a draft and returns
    what it says of what every machine can make.
    """
    try:
        import onnx
    except ImportError as error:
        raise StageError(
            "the package onnx is missing; install it with pip install 'musqa-pipeline[factory]'"
        ) from error
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        tempfile.TemporaryDirectory(prefix="musqa-") as folder,
    ):
        warnings.simplefilter("ignore")  # of the exporter that needs no further package
        torch.onnx.export(
            network.eval(),
            example,
            Path(folder) / "model.onnx",
            opset_version=OPSET,
            dynamo=False,
            **ports,
        )
        model = onnx.load(Path(folder) / "model.onnx")
        for node in model.graph.node:
            node.doc_string = ""  # it holds paths of this machine
        entry = model.metadata_props.add()
        entry.key = METADATA_KEY
        whole = {"format": FORMAT, **record}
        entry.value = _json(whole)
        draft = Path(folder) / "draft.onnx"
        draft.write_bytes(model.SerializeToString(deterministic=True))
        try:
            answers = said(draft)
        except (ModelError, UnfitInputError) as error:
            reason = str(error).replace(f"{draft}: ", "").replace(f"{draft} ", "")
            raise StageError(
                f"{path.name} is not written: it {reason.partition(';')[0]}; train the network "
                "again, or name it otherwise"
            ) from error
    entry.value = _json({**whole, ANSWERS: answers})
    onnx.checker.check_model(model, full_check=True)
    write_whole(path, sealed(model.SerializeToString(deterministic=True)))


def require_equal(difference: float, path: Path) -> float:
    """Return a difference between the answers of torch and of onnxruntime, or refuse it."""
    if not difference <= LARGEST_DIFFERENCE:
        raise StageError(
            f"{path}: onnxruntime and torch differ by {difference:.2g}, at most "
            f"{LARGEST_DIFFERENCE:g} is fine; report it with the versions of both"
        )
    return difference


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=False)
