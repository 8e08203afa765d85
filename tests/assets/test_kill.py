"""kill -9 in the middle of each stage, then the same command: nothing lost, double, different."""

from __future__ import annotations

import json
import time

import psutil
import pytest
import torch

from musqa_pipeline.stages.engine.records import RECORDS
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.rows import CATALOG_STAGES, MAIN_STAGES
from tests.assets.checkout import Checkout

RUN = ("run", "--preset", "tiny.toml")
ONE_UNIT = ("dataset", "evaluation")
"""Stages of a single unit: there the middle is after the work and before it is stored."""
SHORT = ("degradations", "dataset", "models")


def partition_of(checkout, stage):
    context = checkout.context(joint=stage not in CATALOG_STAGES)
    return get_stage(stage).partition(context)


def stored(checkout, stage):
    """Inodes of a stage's finished units."""
    partition = partition_of(checkout, stage)
    done = checkout.lake.done(partition)
    return {unit: checkout.lake.path(partition, unit).stat().st_ino for unit in done}


def all_units(checkout, stage):
    context = checkout.context(joint=stage not in CATALOG_STAGES)
    return {unit.unit_id for unit in get_stage(stage).units(context)}


def wait_for(condition, run, log):
    deadline = time.monotonic() + 240
    while not condition():
        if run.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the moment to kill never came:\n{log.read_text()}")
        time.sleep(0.005)


def kill(run):
    """Kill a run and wait until its workers have ended too."""
    family = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []


def kill_in(checkout, stage):
    """Run the graph and kill it in the middle of a stage; return what was stored by then."""
    log = checkout.root / "run.log"
    if stage in ONE_UNIT:
        marker = checkout.root / f"{stage}.marker"
        run = checkout.start("slowed", stage, str(marker))
        wait_for(marker.exists, run, log)
        kill(run)
        assert stored(checkout, stage) == {}
        return {}
    run = checkout.start(*RUN)
    if stage == "models":
        curves = []

        def some_epochs():
            lines = log.read_text().splitlines()
            curves[:] = [line for line in lines if "epoch 1 of at most" in line]
            return bool(curves)

        wait_for(some_epochs, run, log)
        kill(run)
        assert stored(checkout, stage) == {}
        assert "epoch 3 of at most 3" not in log.read_text()
        return {}
    folder = (
        checkout.lake.folder(partition_of(checkout, stage)) if stage in CATALOG_STAGES else None
    )

    def some_units():
        if folder is not None:
            return folder.is_dir() and len(list(folder.glob("*.parquet"))) >= 1
        return len(checkout.lake.done(partition_of(checkout, stage))) >= 1

    wait_for(some_units, run, log)
    kill(run)
    done = stored(checkout, stage)
    assert 0 < len(done) < len(all_units(checkout, stage)), f"the kill in {stage} came too late"
    return done


def files_of(checkout):
    """All Parquet files of the lake by relative path; those about runs are exempt."""
    lake = checkout.home / "lake"
    return {
        str(path.relative_to(lake)): path.read_bytes()
        for path in sorted(lake.rglob("*.parquet"))
        if path.relative_to(lake).parts[0] not in {"models", "trials", "retired", *RECORDS}
    }


def weights_of(checkout):
    folder = checkout.lake.folder(partition_of(checkout, "models"))
    (file,) = folder.rglob("weights.pt")
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize(
    "stages", [pytest.param(MAIN_STAGES, marks=pytest.mark.long, id="all"), SHORT], ids=str
)
def test_a_run_killed_in_the_middle_of_stages_ends_like_an_undisturbed_one(
    tmp_path, music, finished, stages
):
    checkout = Checkout.make(tmp_path / "checkout", music)
    kept = {}
    for stage in stages:
        kept[stage] = kill_in(checkout, stage)
        for earlier, inodes in kept.items():
            now = stored(checkout, earlier)
            assert {unit: now[unit] for unit in inodes} == inodes, f"{earlier} was made again"
    reports = [json.loads(line) for line in checkout.musqa(*RUN, "--json").stdout.splitlines()]
    last = stages[-1]
    made = {report["stage"]: report["made"] for report in reports}
    assert all(made[s] == 0 for s in MAIN_STAGES[: MAIN_STAGES.index(last)])
    ours, theirs = files_of(checkout), files_of(finished)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    mine, undisturbed = weights_of(checkout), weights_of(finished)
    assert mine.keys() == undisturbed.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, undisturbed[name]), name
    assert not list((checkout.home / "lake").rglob(".*.tmp"))
