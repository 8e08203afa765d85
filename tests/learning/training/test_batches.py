import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from musqa_pipeline.learning.data.loader import make_loader
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.training import batches
from musqa_pipeline.learning.training.batches import ShardBatches, loader_options
from tests.learning.data.tiny_shards import write_tiny_shards

GIGABYTE = 1 << 30


@pytest.fixture
def _gpu(monkeypatch):
    """Let torch speak of a GPU, to those who only ask."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("MUSQA_WORKERS", "6")


def free(n_bytes, monkeypatch):
    monkeypatch.setattr(batches.shutil, "disk_usage", lambda path: SimpleNamespace(free=n_bytes))


def test_without_a_gpu_the_training_reads_for_itself():
    if not torch.cuda.is_available():
        assert loader_options(1) == {}


@pytest.mark.usefixtures("_gpu")
def test_on_a_gpu_workers_make_pinned_batches_as_shared_memory_allows(monkeypatch):
    free(100 * GIGABYTE, monkeypatch)
    assert loader_options(GIGABYTE) == {"n_workers": 5, "pin_memory": True}
    assert loader_options(GIGABYTE, device="cpu") == {}
    assert loader_options(GIGABYTE, n_devices=2) == {"n_workers": 2, "pin_memory": True}
    free(7 * GIGABYTE, monkeypatch)  # each worker holds three batches
    assert loader_options(GIGABYTE) == {"n_workers": 2, "pin_memory": True}
    free(2 * GIGABYTE, monkeypatch)
    assert loader_options(GIGABYTE) == {"n_threads": 5, "pin_memory": True}


@pytest.mark.usefixtures("_gpu")
def test_no_more_workers_than_help(monkeypatch):
    free(100 * GIGABYTE, monkeypatch)
    monkeypatch.setenv("MUSQA_WORKERS", "64")
    assert loader_options(1)["n_workers"] == batches.MOST_WORKERS


def test_batches_follow_seed_and_epoch_or_the_order_of_storage(lake):
    shards = ImageShards(write_tiny_shards(lake).files, "train")
    assert ShardBatches(shards, 8).batch_bytes == 4 * 8 * math.prod(shards.shape)
    stored = [quality for _, quality in ShardBatches(shards, 8)()]
    assert np.array_equal(np.concatenate(stored), shards.quality)
    shuffled = ShardBatches(shards, 8, seed=3)
    for epoch in (0, 1):
        oracle = make_loader(shards, batch_size=8, seed=3, epoch=epoch)
        for found, expected in zip(shuffled(epoch), oracle, strict=True):
            assert torch.equal(found[0], expected[0])
            assert torch.equal(found[1], expected[1])
    assert not torch.equal(next(iter(shuffled(0)))[1], next(iter(shuffled(1)))[1])
