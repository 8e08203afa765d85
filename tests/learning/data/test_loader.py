"""Streaming to torch: every row once, in an order of its own, with a bound on memory."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from musqa_pipeline.learning.data import loader as loader_module
from musqa_pipeline.learning.data.loader import iter_rows, make_loader
from musqa_pipeline.learning.data.reader import RowReader, epoch_order
from musqa_pipeline.learning.data.shards import ImageShards
from tests.learning.data.tiny_shards import write_tiny_shards


def row_numbers(loader):
    return [round(1000 * float(q)) for _, quality in loader for q in quality]


def streaming(tiny):
    return ImageShards(tiny.files, "train", memory_limit_bytes=0)


@pytest.mark.parametrize("buffer_rows", [5, 17, 512])
def test_an_epoch_holds_each_row_once_with_its_own_image(tiny, buffer_rows):
    seen = {}
    for images, quality in make_loader(streaming(tiny), batch_size=7, buffer_rows=buffer_rows):
        assert images.dtype == quality.dtype == torch.float32
        assert images.shape[1:] == (6, 4)
        for image, q in zip(images, quality, strict=True):
            seen[f"{round(1000 * float(q)):04d}-0-1"] = image.numpy()
    assert seen.keys() == tiny.images.keys()
    for degraded_id, image in seen.items():
        np.testing.assert_array_equal(image, tiny.images[degraded_id] / np.float32(255))


def test_two_byte_images_arrive_unchanged(lake):
    tiny = write_tiny_shards(lake, dtype="float16")
    (images, _), *_ = make_loader(ImageShards(tiny.files, "train"), batch_size=3, shuffle=False)
    expected = np.stack([tiny.images[i] for i in sorted(tiny.images)[:3]]).astype(np.float32)
    np.testing.assert_array_equal(images.numpy(), expected)


def test_the_order_follows_from_seed_and_epoch(tiny):
    def order(seed, epoch):
        return row_numbers(
            make_loader(streaming(tiny), batch_size=8, seed=seed, epoch=epoch, buffer_rows=20)
        )

    assert order(1, 2) == order(1, 2)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (1, 2)}) == 4
    assert order(1, 2) == epoch_order([5] * 16, seed=1, epoch=2, buffer_rows=20).tolist()


def test_memory_and_threads_change_no_order(tiny):
    orders = {
        tuple(
            row_numbers(
                make_loader(
                    ImageShards(tiny.files, "train", memory_limit_bytes=limit),
                    batch_size=batch_size,
                    epoch=4,
                    buffer_rows=20,
                    n_threads=n_threads,
                )
            )
        )
        for limit in (0, 1 << 30)
        for n_threads in (1, 3)
        for batch_size in (1, 64)
    }
    assert len(orders) == 1


def test_unshuffled_means_storage_order_in_every_epoch(tiny):
    loader = make_loader(streaming(tiny), batch_size=9, epoch=3, shuffle=False, buffer_rows=5)
    assert row_numbers(loader) == list(range(80))


def test_the_last_batch_holds_what_is_left(tiny):
    loader = make_loader(streaming(tiny), batch_size=32)
    assert [len(quality) for _, quality in loader] == [32, 32, 16]
    assert len(loader) == 3


def test_a_reader_never_holds_more_rows_than_the_buffer(tiny):
    shards = streaming(tiny)
    for buffer_rows in (5, 12, 40):
        reader = RowReader(shards, buffer_rows=buffer_rows)
        order = epoch_order([5] * 16, seed=0, epoch=0, buffer_rows=buffer_rows)
        for _ in reader.read(order):
            pass
        assert buffer_rows - 5 < reader.most_held <= buffer_rows


def test_row_groups_leave_memory_although_single_rows_of_them_stay(lake):
    tiny = write_tiny_shards(lake, shape=(300, 100))  # 80 images, 2.4 MB
    shards = streaming(tiny)
    order = epoch_order([5] * 16, seed=0, epoch=0, buffer_rows=40)
    before = pa.total_allocated_bytes()
    reader = RowReader(shards, buffer_rows=40)
    held = [pa.total_allocated_bytes() - before for _ in reader.read(order)]
    # Two row groups of 150 kB, the one read ahead and the one being copied, and slack.
    assert max(held) < 500_000


def test_an_abandoned_epoch_leaves_nothing_behind(tiny):
    shards = streaming(tiny)
    batches = iter(make_loader(shards, batch_size=4))
    first = next(batches)
    del batches
    again = next(iter(make_loader(shards, batch_size=4)))
    torch.testing.assert_close(first, again, rtol=0, atol=0)


def test_an_epoch_leaves_torchs_random_state_alone(tiny):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    row_numbers(make_loader(streaming(tiny), batch_size=16))
    torch.testing.assert_close(torch.rand(3), expected)


@pytest.mark.parametrize("n_workers", [2, 3, 30])
def test_workers_share_the_batches_in_turn(tiny, monkeypatch, n_workers):
    def batches_of(worker_id, workers):
        info = type("Info", (), {"id": worker_id, "num_workers": workers})
        monkeypatch.setattr(loader_module, "get_worker_info", lambda: info)
        loader = make_loader(streaming(tiny), batch_size=3, epoch=1, buffer_rows=20)
        return [quality.tolist() for _, quality in loader.dataset]

    alone = batches_of(0, 1)
    for worker_id in range(n_workers):
        assert batches_of(worker_id, n_workers) == alone[worker_id::n_workers]


@pytest.mark.long
def test_worker_processes_give_the_same_batches(tiny):
    def batches(n_workers):
        return list(make_loader(streaming(tiny), batch_size=7, epoch=1, n_workers=n_workers))

    torch.testing.assert_close(batches(2), batches(0), rtol=0, atol=0)


def test_evaluation_gets_every_row_with_its_ids(lake):
    tiny = write_tiny_shards(lake, part="test")
    shards = ImageShards(tiny.files, "test", "natural_mix")
    batches = list(iter_rows(shards, batch_size=10))
    ids = [i for batch in batches for i in batch.degraded_ids]
    assert ids == shards.labels["degraded_id"].to_pylist()
    assert {c for batch in batches for c in batch.catalogs} == {"north"}
    for batch in batches:
        for degraded_id, image, quality in zip(
            batch.degraded_ids, batch.images, batch.quality, strict=True
        ):
            np.testing.assert_array_equal(image, tiny.images[degraded_id] / np.float32(255))
            assert float(quality) == pytest.approx(int(degraded_id[:4]) / 1000)


def test_a_row_group_larger_than_the_buffer_is_held_whole(lake):
    tiny = write_tiny_shards(lake, rows_per_group=20)
    loader = make_loader(streaming(tiny), batch_size=8, buffer_rows=3)
    assert sorted(row_numbers(loader)) == list(range(80))


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": 4, "n_threads": 0}])
def test_impossible_sizes_are_refused(tiny, wrong):
    with pytest.raises(ValueError, match=r"(batch_size|n_threads)=0: expected at least 1"):
        make_loader(streaming(tiny), **wrong)
