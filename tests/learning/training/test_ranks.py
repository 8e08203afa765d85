import functools
import multiprocessing
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning.training.batches import Epochs
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.ranks import Rank, started
from musqa_pipeline.learning.training.train import train
from tests.learning import tiny
from tests.learning.tiny import SETTINGS, SPEC

ODD = functools.partial(tiny.train_batches, n=25)
"""The last batch has one image, fewer than there are ranks."""
OPTIONS = replace(
    SETTINGS, device="cpu", max_epochs=3, weight_average_decay=0.5, gradient_clip_norm=0.5,
    weight_decay=0.1, stop_on="loss_or_correlation",
)  # fmt: skip


def train_plain(folder, settings, **changes):
    arguments = {
        "train_batches": ODD,
        "validation_batches": tiny.validation_batches,
        "log": lambda line: None,
        **changes,
    }
    return train("plain", entry=tiny.PLAIN, settings=settings, folder=folder, **arguments)


def broken_elsewhere(epoch):
    if epoch == 1 and multiprocessing.parent_process() is not None:
        raise ValueError("a worker of its own")
    return tiny.train_batches(epoch)


def test_ranks_divide_each_batch_and_stand_in_where_there_is_nothing_for_them():
    images = np.arange(5 * 48, dtype=np.float32).reshape(5, 8, 6)
    quality = np.arange(5, dtype=np.float32)
    batches = [(images[:4], quality[:4]), (images[4:], quality[4:])]
    first, second = (list(Epochs(lambda: batches, SPEC, Rank(n, 2))) for n in (0, 1))
    assert [s.targets.tolist() for s in first] == [[0, 2], [4]]
    assert [s.targets.tolist() for s in second] == [[1, 3], [4]]
    assert [(s.n_own, s.weight) for s in first] == [(2, 1), (1, 2)]
    assert [(s.n_own, s.weight) for s in second] == [(2, 1), (0, 0)]
    assert torch.equal(second[0].inputs, torch.from_numpy(images[[1, 3]]))


@pytest.mark.long
def test_two_processes_train_what_one_trains_and_leave_nothing_behind(tmp_path):
    environment = dict(os.environ)
    lines, epochs = [], []
    one = train_plain(tmp_path / "one", OPTIONS)
    two = train_plain(
        tmp_path / "two", replace(OPTIONS, devices=2), log=lines.append, on_epoch=epochs.append
    )
    np.testing.assert_allclose(two.curves["loss"], one.curves["loss"], rtol=1e-4)
    for name in ("validation_loss", "validation_r"):
        np.testing.assert_allclose(two.curves[name], one.curves[name], rtol=1e-4)
    first, second = read_weights(one.weights), read_weights(two.weights)
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, rtol=1e-3, atol=1e-5)
    assert (len(lines), len(epochs)) == (3, 3)
    assert not torch.distributed.is_initialized()
    assert multiprocessing.active_children() == []
    assert dict(os.environ) == environment


@pytest.mark.long
def test_two_processes_go_on_where_they_were_ended(tmp_path):
    settings = replace(SETTINGS, max_epochs=3, device="cpu", devices=2)

    def interrupt(metrics):
        if metrics["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.train_tiny(tmp_path / "resumed", settings, on_epoch=interrupt)
    resumed = tiny.train_tiny(tmp_path / "resumed", settings)
    undisturbed = tiny.train_tiny(tmp_path / "undisturbed", settings)
    assert resumed.curves == undisturbed.curves
    first, second = read_weights(resumed.weights), read_weights(undisturbed.weights)
    assert all(torch.equal(first[name], second[name]) for name in second)


@pytest.mark.long
def test_what_stops_another_rank_is_said_and_costs_one_epoch(tmp_path):
    settings = replace(SETTINGS, max_epochs=3, device="cpu", devices=2)
    with pytest.raises(
        StageError, match=r"rank 1 stopped \(a worker of its own\); mend what it says and run again"
    ):
        train_plain(tmp_path, settings, train_batches=broken_elsewhere)
    state = torch.load(tmp_path / "checkpoint.ckpt")
    assert len(state["musqa"]["history"]["loss"]) == 1
    assert multiprocessing.active_children() == []


CPU = torch.device("cpu")


def refuse(rank, ready):
    raise ValueError("no room here")


@pytest.mark.long
def test_a_rank_that_does_not_start_is_named():
    with (
        pytest.raises(StageError, match=r"rank 1 did not start \(no room here\); set \[models\] d"),
        started(2, CPU, refuse, ()),
    ):
        pytest.fail("rank 0 went on alone")


def test_more_devices_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(SettingsError, match=r"devices=2: this machine has 1 GPUs; edit the preset"),
        started(2, torch.device("cuda", 0), refuse, ()),
    ):
        pytest.fail("a rank without a GPU started")


@pytest.mark.long
def test_processes_on_the_cpu_need_no_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(StageError, match="rank 1 did not start"), started(2, CPU, refuse, ()):
        pytest.fail("rank 0 went on alone")


def test_one_device_starts_nothing():
    with started(1, CPU, refuse, ()) as rank:
        assert rank == Rank(0, 1)
    assert multiprocessing.active_children() == []
