"""Tiny shards, as the stage of spectrograms writes them."""

import pytest

from musqa_pipeline.storage.lake.lake import Lake
from tests.learning.data.tiny_shards import TinyShards, write_tiny_shards


@pytest.fixture
def tiny(lake: Lake) -> TinyShards:
    """80 rows of training in 16 row groups."""
    return write_tiny_shards(lake)
