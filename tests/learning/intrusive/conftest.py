"""A run of the intrusive network with weights that were drawn, not trained."""

from pathlib import Path

import pytest
import torch

from musqa_pipeline.learning.networks.insenet import InseNet
from tests.learning.written_run import write_run


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
