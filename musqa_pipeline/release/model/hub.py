"""A model's card as Hugging Face reads it: the card of the file, with a head for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musqa_pipeline.core.foreign_text import front_matter
from musqa_pipeline.scoring.model_file import ModelFile

HUB_CARD_FILE = "README.md"
LICENCE = "Apache-2.0"
"""Of a release, whose card names the terms of its recordings."""
OTHER_LICENCE = "other"


def hub_card(model: ModelFile, licence: str = OTHER_LICENCE) -> str:
    """Write the card of a model file with the head that the Hub wants.

    `licence` is an SPDX name, such as ``Apache-2.0``.
    """
    facts: dict[str, Any] = {
        "license": licence.lower(),
        "library_name": "onnx",
        "pipeline_tag": "audio-classification",
        "tags": ["audio", "music", "audio-quality", "no-reference", "visqol", "onnx", "regression"],
        "metrics": ["pearsonr", "rmse"],
    }
    accuracy = model.record.get("accuracy")
    if isinstance(accuracy, Mapping) and accuracy.get("pearson") is not None:
        values = {"pearsonr": accuracy["pearson"], "rmse": accuracy["rmse"]}
        asked = str(accuracy["asked"]).replace("_", " ")
        result = {
            "task": {"type": "audio-classification", "name": "predicting ViSQOL MOS-LQO"},
            "dataset": {
                "type": "musqa",
                "name": f"{asked}, {accuracy['subset']}, {accuracy['n_recordings']} groups of "
                "recordings",
            },
            "metrics": [{"type": name, "value": value} for name, value in values.items()],
        }
        facts["model-index"] = [{"name": f"{model.name}-{model.version}", "results": [result]}]
    return f"{front_matter(facts)}\n\n{model.card}"
