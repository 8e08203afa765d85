import numpy as np
import pytest
import torch

from musqa_pipeline.audio.features.mel import decode_cells
from musqa_pipeline.learning.data.loader import decode_tensor, make_loader
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.training import batches
from musqa_pipeline.learning.training.batches import ShardBatches, loader_options
from tests.learning.data.tiny_shards import write_tiny_shards

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device"))]  # fmt: skip


@pytest.fixture
def _gpu(monkeypatch):
    """Let torch speak of a GPU, to those who only ask."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("MUSQA_WORKERS", "6")


def test_without_a_gpu_the_training_reads_for_itself():
    assert loader_options(device="cpu") == {}


@pytest.mark.usefixtures("_gpu")
def test_for_a_gpu_threads_read_ahead_what_travels_as_it_is_stored(monkeypatch):
    common = {"pin_memory": True, "as_stored": True}
    assert loader_options() == {"n_threads": 5, **common}
    assert loader_options(device="cpu") == {}
    assert loader_options(n_devices=2) == {"n_threads": 2, **common}
    monkeypatch.setenv("MUSQA_WORKERS", "64")
    assert loader_options() == {"n_threads": batches.MOST_THREADS, **common}
    monkeypatch.setenv("MUSQA_WORKERS", "1")
    assert loader_options() == {"n_threads": 1, **common}


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16])
@pytest.mark.parametrize("device", DEVICES)
def test_cells_become_the_same_numbers_on_every_device(dtype, device):
    cells = np.arange(256, dtype=dtype) * dtype(100 if dtype is np.int16 else 1)
    found = decode_tensor(torch.from_numpy(cells).to(device))
    assert found.dtype == torch.float32
    assert np.array_equal(found.cpu().numpy(), decode_cells(cells))


def test_stored_cells_arrive_in_the_order_of_images(lake):
    shards = ImageShards(write_tiny_shards(lake).files, "train")
    images = make_loader(shards, batch_size=8, seed=3)
    cells = make_loader(shards, batch_size=8, seed=3, as_stored=True, n_threads=2)
    for (stored, _), (expected, _) in zip(cells, images, strict=True):
        assert stored.dtype == torch.uint8
        assert torch.equal(decode_tensor(stored), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gets_the_same_batches(lake):
    shards = ImageShards(write_tiny_shards(lake).files, "train")
    pairs = zip(
        ShardBatches(shards, 8, seed=3)(1), ShardBatches(shards, 8, seed=3, device="cpu")(1),
        strict=True,
    )  # fmt: skip
    for (images, quality), (expected, labels) in pairs:
        assert images.device.type == "cuda"
        assert torch.equal(images.cpu(), expected)
        assert torch.equal(quality, labels)


def test_batches_of_a_training_alone_go_to_its_own_device(lake, monkeypatch):
    shards = ImageShards(write_tiny_shards(lake).files, "train")
    monkeypatch.setattr(batches, "loader_options", lambda *_: {"as_stored": True})
    monkeypatch.setattr(batches, "find_device", {"cuda:1": torch.device("meta")}.__getitem__)
    images, _ = next(iter(ShardBatches(shards, 8, device="cuda:1")()))
    assert (images.device.type, images.dtype) == ("meta", torch.float32)


def test_batches_follow_seed_and_epoch_or_the_order_of_storage(lake):
    shards = ImageShards(write_tiny_shards(lake).files, "train")
    stored = [quality for _, quality in ShardBatches(shards, 8, device="cpu")()]
    assert np.array_equal(np.concatenate(stored), shards.quality)
    shuffled = ShardBatches(shards, 8, seed=3, device="cpu")
    for epoch in (0, 1):
        oracle = make_loader(shards, batch_size=8, seed=3, epoch=epoch)
        for found, expected in zip(shuffled(epoch), oracle, strict=True):
            assert torch.equal(found[0], expected[0])
            assert torch.equal(found[1], expected[1])
    assert not torch.equal(next(iter(shuffled(0)))[1], next(iter(shuffled(1)))[1])
