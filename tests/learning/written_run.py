"""A run of a network that was not trained here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    write_json,
    write_weights,
)


def write_run(folder: Path, network: torch.nn.Module, model: str = "insenet") -> Path:
    folder.mkdir(parents=True)
    settings = asdict(TrainingSettings())
    write_json(folder / SETTINGS_FILE, {"model": model, "settings": settings})
    write_weights(folder / WEIGHTS_FILE, network.state_dict())
    return folder
