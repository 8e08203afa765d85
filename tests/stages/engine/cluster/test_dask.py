"""Fan-out over a real Dask scheduler and two worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest

from musqa_pipeline.core.errors import SettingsError, StageError, ToolError
from musqa_pipeline.core.workers.interface import Limits
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.stages.engine.cluster.choice import choose_fanout
from musqa_pipeline.stages.engine.cluster.dask_cluster import DaskCluster
from musqa_pipeline.stages.engine.records import RECORDS
from musqa_pipeline.stages.engine.stage import run_stage
from tests.drill.kills import WORKER
from tests.stages.engine.cluster.dask_machines import ROOT, Machines
from tests.stages.engine.toy_stage import SQUARES, TOY, toy_context

MANY = " ".join(str(n) for n in range(21, 61))


def is_of_a_crew(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return WORKER in " ".join(process.cmdline())
    return False


@pytest.fixture
def machines(tmp_path):
    found = Machines(tmp_path)
    yield found
    found.stop()


@pytest.fixture
def two_workers(machines):
    machines.start_worker()
    machines.start_worker()
    machines.wait_for_workers(2)
    return machines


def squares(context):
    return context.lake.scan(TOY.partition(context), SQUARES.schema).column("square").to_pylist()


def files_of(home):
    lake = home / "lake"
    files = {str(p.relative_to(lake)): p.read_bytes() for p in sorted(lake.rglob("*.parquet"))}
    return {name: content for name, content in files.items() if name.split("/")[0] not in RECORDS}


def in_background(context, fanout):
    """Run the toy stage in a thread; return it and where its error goes."""
    errors = []

    def run():
        try:
            run_stage(TOY, context, fanout=fanout)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 60
    while len(context.lake.done(TOY.partition(context))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert context.lake.done(TOY.partition(context)), errors
    return thread, errors


def test_a_cluster_gives_what_the_local_pool_gives(two_workers, home, tmp_path, monkeypatch):
    """Same bytes, and the same words for what fails, dies or hangs."""
    monkeypatch.setenv("MUSQA_DASK_SCHEDULER", two_workers.address)
    monkeypatch.setenv("MUSQA_UNIT_TIMEOUT_S", "1")
    numbers = "1 404 666 1000 2 3 13"
    here, there = toy_context(tmp_path / "local", numbers), toy_context(home, numbers)
    with pytest.raises(StageError, match="3 of 7 units failed") as local:
        run_stage(TOY, here, fanout=LocalPool(2))
    with pytest.raises(StageError, match="3 of 7 units failed") as dask:
        run_stage(TOY, there, fanout=choose_fanout())
    assert sorted(str(local.value).splitlines()) == sorted(str(dask.value).splitlines())
    assert files_of(here.home) == files_of(there.home)
    assert squares(there) == [1, 4, 9]
    with pytest.raises(ToolError, match="the abacus is broken; mend it"):
        run_stage(TOY, toy_context(home, "500 9"), fanout=choose_fanout())
    threads = list(choose_fanout().map(os.getenv, ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"]))
    assert threads == ["1", "1"]
    children = [c for w in two_workers.worker_processes() for c in w.children(recursive=True)]
    crew = filter(is_of_a_crew, children)
    assert psutil.wait_procs(crew, timeout=20)[1] == []  # it is dismissed with the run


def test_a_scheduler_that_is_not_there_is_named_with_the_commands_that_start_one(home, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.stages.engine.cluster.dask_cluster.CONNECT_S", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        with pytest.raises(
            SettingsError,
            match=rf"MUSQA_DASK_SCHEDULER='{address}': no Dask scheduler answers there(.*)start "
            "one with `dask scheduler --host HOST` and, on each machine, `dask worker",
        ):
            run_stage(TOY, toy_context(home, "1"), fanout=DaskCluster(address))


@pytest.mark.long
def test_a_scheduler_without_workers_is_named(machines, home):
    with pytest.raises(SettingsError, match="has no workers; start some, on each machine, with"):
        run_stage(TOY, toy_context(home, "1"), fanout=DaskCluster(machines.address))


@pytest.mark.long
def test_a_dask_worker_killed_in_the_middle_costs_no_unit(two_workers, home, tmp_path):
    context = toy_context(home, MANY)
    (home / "slow").write_text("0.4")
    thread, errors = in_background(context, DaskCluster(two_workers.address))
    two_workers.worker_processes()[0].kill()
    thread.join(timeout=120)
    assert errors == []
    undisturbed = toy_context(tmp_path / "local", MANY)
    run_stage(TOY, undisturbed)
    assert files_of(home) == files_of(undisturbed.home)


@pytest.mark.long
@pytest.mark.parametrize("again", [True, False], ids=["restarted", "gone"])
def test_a_scheduler_lost_in_the_middle_ends_the_run_and_loses_nothing(two_workers, home, again):
    context = toy_context(home, MANY)
    (home / "slow").write_text("0.4")
    thread, errors = in_background(context, DaskCluster(two_workers.address))
    port = int(two_workers.address.rpartition(":")[2])
    two_workers.scheduler.kill()
    two_workers.scheduler.wait()
    if again:
        two_workers.start_scheduler(port)
    thread.join(timeout=120)
    assert not thread.is_alive()
    with pytest.raises(StageError, match="went away or was restarted; start it and its workers"):
        raise errors[0]
    (home / "slow").unlink()
    assert 2 <= len(context.lake.done(TOY.partition(context))) < 40
    if again:
        two_workers.start_worker()
        two_workers.wait_for_workers(1)
        run_stage(TOY, context, fanout=DaskCluster(two_workers.address))
        assert len(squares(context)) == 40


@pytest.mark.long
def test_a_run_whose_workers_all_went_away_ends_with_a_sentence(two_workers, home, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.stages.engine.cluster.dask_cluster.NO_WORKERS_S", 8.0)
    context = toy_context(home, MANY)
    (home / "slow").write_text("0.4")
    thread, errors = in_background(context, DaskCluster(two_workers.address))
    for nanny in two_workers.started[1:]:
        workers = psutil.Process(nanny.pid).children(recursive=True)
        nanny.kill()
        for worker in workers:
            worker.kill()
    thread.join(timeout=120)
    with pytest.raises(StageError, match="has had no workers for 8 s; start some and run the same"):
        raise errors[0]


def take_the_worker_down(*_, **__):
    os._exit(9)


def break_the_worker(*_, **__):
    raise OSError("no process can be started")


@pytest.mark.long
def test_a_unit_that_no_dask_worker_survives_is_named(two_workers, home, monkeypatch):
    monkeypatch.setattr(
        "musqa_pipeline.stages.engine.cluster.dask_cluster.work", take_the_worker_down
    )
    with pytest.raises(StageError, match="number 1: the Dask workers that ran it died: "):
        run_stage(TOY, toy_context(home, "1"), fanout=DaskCluster(two_workers.address))


@pytest.mark.long
def test_a_dask_worker_that_cannot_work_ends_the_run(two_workers, home, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.stages.engine.cluster.dask_cluster.work", break_the_worker)
    with pytest.raises(
        StageError, match=r"a Dask worker failed \(OSError: no process can be start"
    ):
        run_stage(TOY, toy_context(home, "1"), fanout=DaskCluster(two_workers.address))


@pytest.mark.long
def test_memory_is_limited_on_the_cluster_too(two_workers, home):
    with pytest.raises(StageError, match=r"number 2000: a worker process died 2 times on it, stop"):
        run_stage(
            TOY,
            toy_context(home, "1 2000"),
            fanout=DaskCluster(two_workers.address, Limits(memory_gb=0.3)),
        )


@pytest.mark.long
def test_workers_with_other_versions_are_refused_at_the_start_and_later(machines, home, tmp_path):
    metadata = tmp_path / "other" / "numpy-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n")
    path = f"{tmp_path / 'other'}{os.pathsep}{ROOT}"
    refusal = r"the Dask worker .* cannot work for this run: numpy is 1\.0 there and [\d.]+ here; "
    machines.start_worker()
    machines.wait_for_workers(1)
    context = toy_context(home, MANY)
    (home / "slow").write_text("0.5")
    thread, errors = in_background(context, DaskCluster(machines.address))
    machines.start_worker(PYTHONPATH=path)
    thread.join(timeout=120)
    with pytest.raises(StageError, match=refusal):
        raise errors[0]
    machines.wait_for_workers(2)
    before = len(squares(context))
    with pytest.raises(StageError, match=refusal):
        run_stage(TOY, context, fanout=DaskCluster(machines.address))
    assert len(squares(context)) == before


@pytest.mark.long
def test_a_killed_run_leaves_the_cluster_fit_for_the_next(two_workers, home, tmp_path):
    context = toy_context(home, MANY)
    (home / "slow").write_text("0.4")
    program = textwrap.dedent(
        """
        import sys; from pathlib import Path
        from musqa_pipeline.stages.engine.cluster.dask_cluster import DaskCluster
        from musqa_pipeline.stages.engine.stage import run_stage
        from tests.stages.engine.toy_stage import TOY, toy_context
        run_stage(TOY, toy_context(Path(sys.argv[1]), sys.argv[2]), fanout=DaskCluster(sys.argv[3]))
        """
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(home), MANY, two_workers.address],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    deadline = time.monotonic() + 60
    while len(context.lake.done(TOY.partition(context))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = len(squares(context))
    assert 2 <= done < 40
    report = run_stage(TOY, context, fanout=DaskCluster(two_workers.address))
    assert 0 < report.made <= 40 - done
    undisturbed = toy_context(tmp_path / "local", MANY)
    run_stage(TOY, undisturbed)
    assert files_of(home) == files_of(undisturbed.home)
