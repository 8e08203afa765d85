"""Trainings on the Dask worker that offers a GPU; here the resource is made up, on CPU workers."""

from __future__ import annotations

import dataclasses
import os
import threading
import time

import psutil
import pytest
import torch

from musqa_pipeline.core.errors import MachineError
from musqa_pipeline.core.settings.models import ProtocolsSettings
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.stages.engine.cluster import dask_cluster
from musqa_pipeline.stages.engine.cluster.dask_cluster import DaskCluster
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.models.stage import run_folder
from tests.stages.engine.cluster.dask_machines import Machines
from tests.stages.evaluation.small_lake import ENTRY, PRESET, small_lake
from tests.stages.models.slow_training import slow_models, trials_together
from tests.stages.models.tiny_lake import tiny_context


@pytest.fixture
def machines(tmp_path):
    found = Machines(tmp_path)
    yield found
    found.stop()


def weights_of(context):
    return read_weights(run_folder(context, "tiny") / "weights.pt")


def test_a_training_runs_where_a_worker_offers_a_gpu_and_its_epochs_come_back(
    machines, context, tmp_path
):
    machines.start_worker()
    machines.start_worker(gpus=1)
    machines.wait_for_workers(2)
    owner = machines.worker_processes()[1].pid
    epochs, lines = [], []
    report = run_stage(
        slow_models(0.0, tmp_path / "notes"), context, fanout=DaskCluster(machines.address),
        log=lines.append, on_numbers=lambda _, numbers: epochs.append(numbers["epoch"]),
    )  # fmt: skip
    assert report.made == 1
    assert epochs == [0, 1, 2]
    assert sum(line.startswith("tiny: epoch") for line in lines) == 3
    ((_, parent),) = [map(int, line.split()) for line in (tmp_path / "notes").open()]
    assert parent == owner


def test_trials_of_networks_run_two_at_once_where_a_worker_offers_two_gpus(
    machines, home, tmp_path, monkeypatch
):
    for name in PRESET.models.names:
        monkeypatch.setitem(MODELS, name, ENTRY)
    preset = dataclasses.replace(
        PRESET,
        protocols=ProtocolsSettings(repetitions={"brightness": 2, "mean": 1}),
        models=dataclasses.replace(PRESET.models, max_epochs=1, batch_size=4),
    )
    machines.start_worker()
    machines.start_worker(gpus=2)
    context = small_lake(home, preset=preset)
    machines.wait_for_workers(2)
    owner = machines.worker_processes()[1].pid
    report = run_stage(
        trials_together(2, tmp_path / "notes"), context, fanout=DaskCluster(machines.address)
    )
    assert (report.made, report.units) == (3, 3)
    children, parents = zip(*(line.split() for line in (tmp_path / "notes").open()), strict=True)
    assert len(set(children)) == 2  # both had begun before either went on
    assert set(map(int, parents)) == {owner}


def test_nothing_left_to_train_asks_no_scheduler(context, tmp_path):
    models = slow_models(0.0, tmp_path / "notes")
    assert run_stage(models, context).made == 1
    nobody = DaskCluster("tcp://127.0.0.1:1")
    assert run_stage(models, context, fanout=nobody).made == 0


@pytest.mark.long
def test_a_training_whose_gpu_went_away_ends_with_a_sentence(
    machines, context, tmp_path, monkeypatch
):
    monkeypatch.setattr(dask_cluster, "NO_WORKERS_S", 8.0)
    machines.start_worker()
    machines.start_worker(gpus=1)
    machines.wait_for_workers(2)
    nanny = machines.started[-1]
    worker = machines.worker_processes()[1]

    def lose_the_gpu(unit, numbers):
        if worker.is_running():
            nanny.kill()
            worker.kill()

    with pytest.raises(MachineError, match="no workers with a GPU for 8 s; start some and run"):
        run_stage(
            slow_models(1.0, tmp_path / "notes"), context,
            fanout=DaskCluster(machines.address), on_numbers=lose_the_gpu,
        )  # fmt: skip


@pytest.mark.long
def test_without_a_gpu_on_the_cluster_a_training_stays_on_this_machine(machines, context, tmp_path):
    machines.start_worker()
    machines.wait_for_workers(1)
    cluster = DaskCluster(machines.address)
    assert isinstance(cluster.for_trainings(), LocalPool)
    run_stage(slow_models(0.0, tmp_path / "notes"), context, fanout=cluster)
    ((_, parent),) = [map(int, line.split()) for line in (tmp_path / "notes").open()]
    assert parent == os.getpid()


@pytest.mark.long
def test_a_killed_worker_with_a_gpu_costs_an_epoch(machines, context, tmp_path):
    undisturbed = tiny_context(tmp_path / "undisturbed")
    run_stage(slow_models(0.0, tmp_path / "other_notes"), undisturbed)
    machines.start_worker(gpus=1)
    machines.wait_for_workers(1)
    epochs = []
    training = threading.Thread(
        target=run_stage,
        args=(slow_models(1.0, tmp_path / "notes"), context),
        kwargs={
            "fanout": DaskCluster(machines.address),
            "on_numbers": lambda _, numbers: epochs.append(numbers["epoch"]),
        },
    )
    training.start()
    while not epochs:
        time.sleep(0.05)
    (worker,) = machines.worker_processes()
    children = worker.children(recursive=True)
    worker.kill()
    psutil.wait_procs(children, timeout=20)  # the training ends with its worker
    assert not any(child.is_running() for child in children)
    training.join(timeout=120)
    assert epochs == [0, 1, 2]
    started = [line.split() for line in (tmp_path / "notes").open()]
    assert len({parent for _, parent in started}) == 2
    expected = weights_of(undisturbed)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights_of(context).items())
