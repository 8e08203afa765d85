import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import psutil
import pytest

from musqa_pipeline.core.errors import StageError, ToolError
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.stages.engine.stage import run_stage
from tests import ROOT
from tests.stages.engine.toy_stage import SQUARES, TOY, toy_context


def squares(context):
    return context.lake.scan(TOY.partition(context), SQUARES.schema).column("square").to_pylist()


@pytest.mark.parametrize("fanout", [None, LocalPool(2)])
def test_a_run_makes_what_is_missing_and_only_that(home, fanout):
    context = toy_context(home, "1 2 3")
    assert run_stage(TOY, context, fanout=fanout).made == 3
    kept = {p.name: p.stat().st_ino for p in context.lake.folder(TOY.partition(context)).iterdir()}
    report = run_stage(TOY, toy_context(home, "1 2 3 4"), fanout=fanout)
    assert (report.units, report.made, report.rows) == (4, 1, 1)
    now = {p.name: p.stat().st_ino for p in context.lake.folder(TOY.partition(context)).iterdir()}
    assert {name: now[name] for name in kept} == kept
    assert squares(context) == [1, 4, 9, 16]


def test_an_unfit_input_goes_to_quarantine_and_is_not_tried_again(home):
    context = toy_context(home, "1 13")
    assert run_stage(TOY, context).quarantined == 1
    again = run_stage(TOY, context)
    assert (again.made, again.quarantined) == (0, 1)
    partition = TOY.partition(context).quarantine
    row = context.lake.read(partition, "u13").to_pylist()[0]
    assert (row["stage"], row["file"], row["reason"]) == ("labels", "number 13", "unlucky")
    assert squares(context) == [1]


def test_a_passing_refusal_is_tried_again_and_leaves_quarantine_when_it_serves(home):
    context = toy_context(home, "1 14")
    assert run_stage(TOY, context).quarantined == 1
    again = run_stage(TOY, context)
    assert (again.made, again.quarantined) == (1, 1)
    (home / "better").touch()
    assert run_stage(TOY, context).quarantined == 0
    assert squares(context) == [1, 196]


def test_a_unit_whose_input_is_gone_is_retired_with_its_quarantine(home):
    run_stage(TOY, toy_context(home, "1 2 13"))
    context = toy_context(home, "2")
    report = run_stage(TOY, context)
    assert (report.retired, report.quarantined) == (2, 0)
    assert squares(context) == [4]


@pytest.mark.parametrize("fanout", [None, LocalPool(2)])
def test_a_bug_in_one_unit_costs_no_other_and_is_reported(home, fanout):
    context = toy_context(home, "404 1 2")
    with pytest.raises(StageError, match=r"1 of 3 units failed(.|\n)*number 404: RuntimeError: a"):
        run_stage(TOY, context, fanout=fanout)
    assert squares(context) == [1, 4]


@pytest.mark.parametrize("fanout", [None, LocalPool(2)])
def test_a_broken_tool_stops_the_run_with_its_sentence(home, fanout):
    with pytest.raises(ToolError, match="the abacus is broken; mend it"):
        run_stage(TOY, toy_context(home, "500 1"), fanout=fanout)


def test_a_worker_that_dies_is_reported_and_what_is_done_stays(home):
    context = toy_context(home, "1")
    run_stage(TOY, context)
    died = "number 666: a worker process died 2 times on it, with exit code 9"
    with pytest.raises(StageError, match=died):
        run_stage(TOY, toy_context(home, "1 666"), fanout=LocalPool(1))
    assert squares(context) == [1]


def test_workers_have_one_thread_each_and_the_caller_keeps_its_own(home, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    seen = list(LocalPool(1).map(os.getenv, ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"]))
    assert seen == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_killed_run_leaves_no_worker_and_no_half_file_and_is_resumed(home):
    numbers = " ".join(str(n) for n in range(1, 9))
    context = toy_context(home, numbers)
    (home / "slow").write_text("0.4")
    program = textwrap.dedent(
        """
        import sys; from pathlib import Path
        from musqa_pipeline.core.workers.local import LocalPool
        from musqa_pipeline.stages.engine.stage import run_stage
        from tests.stages.engine.toy_stage import TOY, toy_context
        if __name__ == "__main__":
            run_stage(TOY, toy_context(Path(sys.argv[1]), sys.argv[2]), fanout=LocalPool(2))
        """
    )
    script = home / "run.py"
    script.write_text(program)
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root)}
    run = subprocess.Popen([sys.executable, str(script), str(home), numbers], env=environment)
    deadline = time.monotonic() + 60
    while len(context.lake.done(TOY.partition(context))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    family = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = context.lake.done(TOY.partition(context))
    assert 0 < len(done) < 8
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    inodes = {u: context.lake.path(TOY.partition(context), u).stat().st_ino for u in done}
    (home / "slow").unlink()
    finished_meanwhile = len(context.lake.done(TOY.partition(context)))
    report = run_stage(TOY, context)
    assert report.made == 8 - finished_meanwhile
    assert {u: context.lake.path(TOY.partition(context), u).stat().st_ino for u in done} == inodes
    assert list(context.lake.folder(TOY.partition(context)).glob(".*")) == []
    assert squares(context) == [n * n for n in range(1, 9)]


def test_progress_in_a_log_ends_with_the_last_unit(home):
    lines = []
    run_stage(TOY, toy_context(home, "1 2 13"), log=lines.append)
    assert "labels toys: 3/3 units" in lines[-1]
    assert "1 refused" in lines[-1]


def test_the_fingerprint_follows_version_settings_tools_and_upstream(home):
    context = toy_context(home, "1")
    base = TOY.fingerprint(context)
    changed = [
        replace(TOY, version=2).fingerprint(context),
        replace(TOY, tools=("scipy",)).fingerprint(context),
        replace(TOY, upstream=("labels",)).fingerprint(context),
        replace(TOY, section="dataset").fingerprint(context),
        TOY.fingerprint(context, inputs=("x",)),
    ]
    assert len({base, *changed}) == 6
    assert TOY.fingerprint(context) == base
