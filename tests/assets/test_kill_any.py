"""kill -9 of any process of a run at any moment: it loses at most the units in flight."""

from __future__ import annotations

import contextlib
import shutil
import time

import psutil
import pytest

from musqa_pipeline.graph import STAGE_NAMES
from musqa_pipeline.seeds import derive_generator
from tests.assets.checkout import Checkout
from tests.assets.test_kill import files_of
from tests.dask_machines import Machines, children_of

N_KILLS = 10
LAST = "spectrograms"  # a training's sums depend on the number of threads
RUN = ("-m", "musqa_pipeline.cli", "run", "--preset", "tiny.toml", "--until", LAST)


class SpreadCheckout(Checkout):
    """A checkout whose runs have two workers, or a Dask cluster."""

    machines: Machines | None = None

    @property
    def environment(self):
        where = {"MUSQA_DASK_SCHEDULER": self.machines.address} if self.machines else {}
        return {**super().environment, "MUSQA_WORKERS": "2", **where}

    def family(self, run):
        """All processes that work for a run."""
        machines = [p.pid for p in self.machines.started] if self.machines else []
        found = []
        for pid in [run.pid, *machines]:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [psutil.Process(pid), *children_of(pid)]
        return [p for p in found if p.status() != psutil.STATUS_ZOMBIE]


def mend(machines):
    """Start again what a kill took away from the cluster."""
    if machines.scheduler.poll() is not None:
        port = int(machines.address.rpartition(":")[2])
        machines.scheduler = machines.start_scheduler(port)
    nannies = [p for p in machines.started if p.poll() is None and p is not machines.scheduler]
    for _ in range(2 - len(nannies)):
        machines.start_worker()
    machines.wait_for_workers(1)


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("spread", ["local", "dask"])
def test_ten_kills_of_any_process_at_any_moment_change_no_byte(tmp_path, music, finished, spread):
    checkout = SpreadCheckout.make(tmp_path / "checkout", music)
    rng = derive_generator("tests", "kills", spread)
    log = checkout.root / "run.log"
    killed = []
    if spread == "dask":
        checkout.machines = Machines(tmp_path)
    try:
        run = None
        while len(killed) < N_KILLS or run.poll() != 0:
            if checkout.machines:
                mend(checkout.machines)
            if run is None or run.poll() is not None:
                if run is not None and run.returncode == 0:  # too quick: some of it once more
                    shutil.rmtree(checkout.home / "lake" / rng.choice(["labels", "degradations"]))
                run = checkout.start(*RUN)
            if len(killed) == N_KILLS:
                run.wait(timeout=600)
                assert run.returncode == 0, log.read_text()
                continue
            time.sleep(rng.uniform(0.5, 8.0))
            if run.poll() is None:
                with contextlib.suppress(psutil.NoSuchProcess):  # one may end by itself
                    family = checkout.family(run)
                    victim = family[rng.integers(len(family))]
                    named = " ".join(victim.cmdline())[:200]
                    victim.kill()
                    killed.append(named)
                time.sleep(1.0)
            elif run.returncode != 0:
                # Only the loss of the scheduler ends a run that was not killed itself.
                assert "went away or was restarted" in log.read_text(), log.read_text()
    finally:
        if checkout.machines:
            checkout.machines.stop()
    made = {"quarantine", "splits", *STAGE_NAMES[: STAGE_NAMES.index(LAST) + 1]}
    ours, theirs = (
        {name: data for name, data in files_of(c).items() if name.split("/")[0] in made}
        for c in (checkout, finished)
    )
    assert ours.keys() == theirs.keys(), killed
    assert [name for name in ours if ours[name] != theirs[name]] == [], killed
    assert not list((checkout.home / "lake").rglob(".*.tmp"))
