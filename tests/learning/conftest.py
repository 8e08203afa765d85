import pytest
import torch

from musqa_pipeline.learning.registry import MODELS
from tests.learning.tiny import ENTRY


@pytest.fixture(autouse=True)
def _tiny_network_on_one_thread(monkeypatch):
    # A tiny network on two threads of a busy machine waits for the second one most of the time.
    monkeypatch.setenv("MUSQA_WORKERS", "1")
    monkeypatch.setitem(MODELS, "tiny", ENTRY)


@pytest.fixture
def two_threads():
    """Two threads of torch, where the number must be seen to change and to come back."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
