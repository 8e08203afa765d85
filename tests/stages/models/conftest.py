"""A lake of a tiny network, which trains on one thread."""

import pytest

from musqa_pipeline.learning.registry import MODELS
from tests.stages.models.tiny_lake import TINY, tiny_context


@pytest.fixture(autouse=True)
def _tiny_network_on_one_thread(monkeypatch):
    monkeypatch.setenv("MUSQA_WORKERS", "1")
    monkeypatch.setitem(MODELS, "tiny", TINY)


@pytest.fixture
def context(home):
    return tiny_context(home)
