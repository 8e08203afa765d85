import pytest

from musqa_pipeline.learning.registry import MODELS
from tests.learning.tiny import ENTRY


@pytest.fixture(autouse=True)
def _tiny_network_on_one_thread(monkeypatch):
    # A tiny network on two threads of a busy machine waits for the second one most of the time.
    monkeypatch.setenv("MUSQA_WORKERS", "1")
    monkeypatch.setitem(MODELS, "tiny", ENTRY)
