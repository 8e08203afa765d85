"""kill -9 of any process of a run at any moment, ten times: no byte differs, no unit is lost."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.stages.engine.records import RECORDS
from musqa_pipeline.stages.engine.stage import run_stage
from tests.stages.engine.cluster.dask_machines import ROOT, Machines, children_of
from tests.stages.engine.toy_stage import TOY, toy_context

N_KILLS = 10
NUMBERS = " ".join(str(n) for n in range(701, 901))
PROGRAM = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from musqa_pipeline.stages.engine.cluster.choice import choose_fanout
    from musqa_pipeline.stages.engine.stage import run_stage
    from tests.stages.engine.toy_stage import TOY, toy_context
    run_stage(TOY, toy_context(Path(sys.argv[1]), sys.argv[2]), fanout=choose_fanout())
    """
)


class Killable:
    """A run of the toy stage that can be started again and again, here or on a cluster."""

    def __init__(self, home, machines=None):
        self.context, self.home, self.machines = toy_context(home, NUMBERS), home, machines
        self.process = None
        (home / "slow").write_text("0.3")  # 30 s of work; the kills take 20

    def done(self):
        return set(self.context.lake.done(TOY.partition(self.context)))

    def start(self):
        """Start what is not there: scheduler, workers, the run."""
        where = {"MUSQA_WORKERS": "2", "PYTHONPATH": str(ROOT)}
        if self.machines:
            self.machines.mend()
            where["MUSQA_DASK_SCHEDULER"] = self.machines.address
        if self.process is None or self.process.poll() is not None:
            with (self.home / "run.log").open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, str(self.home), NUMBERS],
                    env={**os.environ, **where},
                    stdout=log,
                    stderr=log,
                )

    def family(self):
        """All processes that work for the run."""
        machines = [p.pid for p in self.machines.started] if self.machines else []
        found = []
        for pid in [self.process.pid, *machines]:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [psutil.Process(pid), *children_of(pid)]
        return [p for p in found if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def files_of(home):
    lake = home / "lake"
    files = {str(p.relative_to(lake)): p.read_bytes() for p in sorted(lake.rglob("*.parquet"))}
    return {name: content for name, content in files.items() if name.split("/")[0] not in RECORDS}


@pytest.mark.long
@pytest.mark.parametrize("spread", ["local", "dask"])
def test_ten_kills_of_any_process_at_any_moment_change_no_byte(home, tmp_path, spread):
    machines = Machines(tmp_path) if spread == "dask" else None
    rng = derive_generator("tests", "kills", spread)
    run, killed, kept = Killable(home, machines), [], {}
    partition = TOY.partition(run.context)
    try:
        while len(killed) < N_KILLS:
            run.start()
            time.sleep(rng.uniform(0.2, 3.0))
            assert run.process.poll() != 0, "the run ended before the kills did; make it longer"
            with contextlib.suppress(psutil.NoSuchProcess):  # one may end by itself
                family = run.family() or [psutil.Process(run.process.pid)]
                victim = family[rng.integers(len(family))]
                name = " ".join(victim.cmdline())
                victim.kill()
                killed.append(name)
            time.sleep(0.3)  # until the kernel has ended it
            done = run.done()
            assert kept.keys() <= done, "a finished unit is gone"
            kept = {u: run.context.lake.path(partition, u).read_bytes() for u in done}
        (home / "slow").unlink()
        run.start()
        while run.process.wait(timeout=300) != 0:
            # A lost scheduler ends a run that was not killed itself; so may the last kill.
            run.start()
    finally:
        if machines:
            machines.stop()
    undisturbed = toy_context(tmp_path / "undisturbed", NUMBERS)
    run_stage(TOY, undisturbed)
    assert files_of(home) == files_of(undisturbed.home), killed
    assert list(run.context.lake.folder(partition).glob(".*")) == []
