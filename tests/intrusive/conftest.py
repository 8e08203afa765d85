"""A run of the intrusive network with weights that were drawn, not trained."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from musqa_pipeline.intrusive.network import InseNet
from musqa_pipeline.models.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    write_json,
    write_weights,
)
from musqa_pipeline.models.settings import ModelsSettings


def write_run(folder: Path, network: torch.nn.Module, model: str = "insenet") -> Path:
    folder.mkdir(parents=True)
    settings = asdict(ModelsSettings(names=(model,)))
    write_json(folder / SETTINGS_FILE, {"model": model, "settings": settings})
    write_weights(folder / WEIGHTS_FILE, network.state_dict())
    return folder


def drawn_network() -> InseNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = InseNet()
    torch.nn.init.constant_(network.quality.bias, 0.5)
    return network.eval()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    return write_run(tmp_path_factory.mktemp("runs") / "drawn", drawn_network())
