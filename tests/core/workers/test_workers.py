"""Fan-out on this machine: deaths, hangs and swollen processes cost their own unit alone."""

from __future__ import annotations

import pickle
import signal
import threading
import time

import psutil
import pytest

from musqa_pipeline.core.errors import SettingsError, StageError, ToolError
from musqa_pipeline.core.workers.child import LOST, RESULT
from musqa_pipeline.core.workers.flow import LOSSES_IN_A_ROW, flow
from musqa_pipeline.core.workers.interface import (
    Inline,
    Limits,
    Lost,
    Needs,
    limits_from_environment,
)
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.core.workers.pool import StoppedError, WorkerPool
from musqa_pipeline.core.workers.signs import Sign, give
from musqa_pipeline.stages.engine.cluster.choice import choose_fanout
from musqa_pipeline.stages.engine.cluster.sites import (
    differences,
    objection,
    site_versions,
    this_site,
)
from musqa_pipeline.stages.engine.stage import run_stage
from tests.stages.engine.toy_stage import SQUARES, TOY, toy_context


def has_ended(pid):
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not psutil.pid_exists(pid)


def nap(n):
    time.sleep(0.1)
    return n


def steps(n):
    """Takes half a second a step and says so; hangs if there is less than no step."""
    for step in range(n):
        give(Sign(30.0, "MUSQA_EPOCH_TIMEOUT_S", numbers={"step": step}))
        time.sleep(0.5)
    if n < 0:
        give(Sign(0.5, "MUSQA_EPOCH_TIMEOUT_S", "hangs"))
        time.sleep(600)
    return n


def squares(context):
    return context.lake.scan(TOY.partition(context), SQUARES.schema).column("square").to_pylist()


def test_what_dies_hangs_or_fails_is_named_and_everything_else_is_done(home):
    context = toy_context(home, "1 404 666 667 1000 2 3")
    with pytest.raises(StageError, match="3 of 7 units failed, the others are done") as failure:
        run_stage(TOY, context, fanout=LocalPool(2, Limits(time_s=1.0)))
    lines = str(failure.value).splitlines()[1:]
    assert sorted(line.strip().partition(",")[0].partition(" and")[0] for line in lines) == [
        "number 1000: took longer than 1 s",
        "number 404: RuntimeError: a bug (make_unit)",
        "number 666: a worker process died 2 times on it",
    ]
    assert squares(context) == [1, 4, 9, 667 * 667]  # 667 died once and was tried again
    assert has_ended(int((home / "sleeper").read_text()))


def test_signs_of_life_take_the_place_of_the_time_of_a_unit_and_arrive_with_their_numbers():
    heard = []
    pool = LocalPool(2, Limits(time_s=1.0))
    done = list(pool.map(steps, [3, 0, -1], on_sign=lambda *said: heard.append(said)))
    lost = [result for result in done if isinstance(result, Lost)]
    assert sorted(result for result in done if result not in lost) == [0, 3]
    assert [(result.task, result.reason) for result in lost] == [
        (-1, "gave no sign of life for 0.5 s and was given up; see what it hangs on, or raise "
         "MUSQA_EPOCH_TIMEOUT_S")
    ]  # fmt: skip
    assert [sign.numbers["step"] for task, sign in heard if task == 3] == [0, 1, 2]
    assert [sign.line for task, sign in heard if task == -1] == ["hangs"]


def test_signs_are_heard_of_a_task_of_this_process_too_and_need_nobody():
    heard = []
    assert list(Inline().map(steps, [2], on_sign=lambda *said: heard.append(said))) == [2]
    assert [(task, sign.numbers) for task, sign in heard] == [(2, {"step": 0}), (2, {"step": 1})]
    assert steps(1) == 1
    assert len(heard) == 2


def test_a_process_that_swells_is_stopped_and_its_unit_named(home):
    context = toy_context(home, "1 2000")
    with pytest.raises(
        StageError,
        match=r"number 2000: a worker process died 2 times on it, stopped at 0\.\d GB of memory; "
        r"raise MUSQA_WORKER_MEMORY_GB \(now 0\.3\), perhaps with fewer workers",
    ):
        run_stage(TOY, context, fanout=LocalPool(2, Limits(memory_gb=0.3)))
    assert squares(context) == [1]


def test_a_broken_tool_ends_the_run_at_once_though_another_unit_hangs(home):
    started, before = time.monotonic(), psutil.Process().children(recursive=True)
    with pytest.raises(ToolError, match="the abacus is broken"):
        run_stage(TOY, toy_context(home, "1000 500"), fanout=LocalPool(2))
    assert time.monotonic() - started < 30
    assert set(psutil.Process().children(recursive=True)) <= set(before)


def test_a_crew_that_is_dismissed_says_so_to_whoever_waits():
    pool = WorkerPool()
    payload = pickle.dumps((time.sleep, 600))
    seen = []

    def wait():
        try:
            pool.call(payload, Limits())
        except StoppedError as error:
            seen.append(str(error))

    waiter = threading.Thread(target=wait)
    waiter.start()
    while not psutil.Process().children():
        time.sleep(0.01)
    pool.dismiss()
    waiter.join(timeout=20)
    assert seen == ["the pool was dismissed"]
    with pytest.raises(StoppedError, match="the pool was dismissed"):
        pool.call(payload, Limits())


class Instant:
    """A transport that answers at once, as it is told to."""

    def __init__(self, kinds):
        self.kinds, self.under_way, self.most = kinds, [], 0

    def room(self):
        return 4

    def submit(self, index, payload, task):
        self.under_way.append(index)
        self.most = max(self.most, len(self.under_way))

    def next_message(self):
        index = self.under_way.pop(0)
        return index, pickle.dumps((self.kinds[index], f"of {index}"))


def test_a_map_that_is_left_in_the_middle_says_nothing_of_the_tasks_that_waited(caplog):
    answers = LocalPool(2).map(nap, range(9))
    assert next(answers) in (0, 1)  # one more runs, one is begun, and one waits
    answers.close()  # as an interrupt does
    assert [record.getMessage() for record in caplog.records] == []


def test_few_tasks_are_under_way_however_many_there_are():
    transport = Instant([RESULT] * 1000)
    results = list(flow(transport, abs, range(1000)))
    assert results == [f"of {index}" for index in range(1000)]
    assert transport.most == 4


class Shared:
    """A function with something that all tasks share; counts how often it travels."""

    pickled, loaded = 0, 0

    def __reduce__(self):
        Shared.pickled += 1
        return loaded_shared, ()

    def __call__(self, task):
        return task


def loaded_shared():
    Shared.loaded += 1
    return Shared()


class Sent(Instant):
    """Keeps what it is given."""

    def submit(self, index, payload, task):
        super().submit(index, payload, task)
        function, sent = pickle.loads(payload)
        assert isinstance(function, Shared)
        assert function(sent) == sent == task == index


def test_what_all_tasks_share_is_pickled_and_loaded_once():
    Shared.pickled = Shared.loaded = 0
    assert len(list(flow(Sent([RESULT] * 50), Shared(), range(50)))) == 50
    assert (Shared.pickled, Shared.loaded) == (1, 1)


def test_losses_in_a_row_end_the_run_and_losses_apart_do_not():
    apart = [LOST if index % 2 else RESULT for index in range(8 * LOSSES_IN_A_ROW)]
    lost = [r.task for r in flow(Instant(apart), abs, range(len(apart))) if not isinstance(r, str)]
    assert lost == list(range(1, len(apart), 2))
    with pytest.raises(StageError, match="10 units in a row were lost, so the fault is not theirs"):
        list(flow(Instant([LOST] * 20), abs, range(20)))


def test_workers_killed_from_outside_cost_no_unit():
    killed = 0
    results = []
    for result in LocalPool(2).map(nap, list(range(8))):
        results.append(result)
        if killed < 2:
            psutil.Process().children()[0].send_signal(signal.SIGKILL)
            killed += 1
    assert sorted(results) == list(range(8))


@pytest.mark.parametrize("name", ["MUSQA_UNIT_TIMEOUT_S", "MUSQA_WORKER_MEMORY_GB"])
@pytest.mark.parametrize("value", ["soon", "0", "-2", "nan", "inf"])
def test_a_limit_that_is_no_positive_number_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}='{value}': expected a positive number of "):
        limits_from_environment()


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("MUSQA_UNIT_TIMEOUT_S", "90")
    monkeypatch.setenv("MUSQA_WORKER_MEMORY_GB", "2.5")
    monkeypatch.delenv("MUSQA_DASK_SCHEDULER", raising=False)
    fanout = choose_fanout()
    assert isinstance(fanout, LocalPool)
    assert fanout.limits == Limits(90.0, 2.5)


def test_a_difference_of_versions_is_named_with_both():
    here = site_versions(("numpy", "imageio-ffmpeg"))
    assert {"python", "musqa's source", "numpy", "imageio-ffmpeg", "ffmpeg"} <= here.keys()
    assert differences(here, here) == ""
    there = {**here, "numpy": "1.0"}
    del there["ffmpeg"]
    assert differences(here, there) == (
        f"numpy is 1.0 there and {here['numpy']} here, "
        f"ffmpeg is absent there and {here['ffmpeg']} here"
    )


def test_a_machine_that_does_not_see_the_lake_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.stages.engine.cluster.sites.SHARED_WITHIN_S", 0.2)
    token_file = tmp_path / "home" / "locks" / "x.token"
    token_file.parent.mkdir(parents=True)
    site = this_site(Needs(("numpy",), token_file))
    assert objection(site) == ""
    objection.cache_clear()
    token_file.write_text("another lake's")
    assert objection(site) == (
        f"it does not see the lake; share the folder {tmp_path / 'home'} under the same path"
    )
