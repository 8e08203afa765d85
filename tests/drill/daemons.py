"""The real `dagster dev`: its daemon, its code server and the process of a run are killed."""

from __future__ import annotations

import contextlib
import time

import psutil

from tests.assets.daemon import Daemon
from tests.drill.kills import family_of, fragments, progress
from tests.drill.ledger import Ledger

SERVERS = {
    "daemon": "dagster._daemon",
    "code server": "api grpc",
    "web server": "dagster_webserver",
}
APPEARS_S = 240.0
"""A run that is not requested again after its retries is left to `musqa run`."""


def drill_daemon(plant, ledger: Ledger, lake, rng, kinds: list[str]) -> None:
    """Kill one after the other; `dagster dev` is started again when it ended with one of them.

    Parameters
    ----------
    plant, ledger, lake, rng
        The lake knows its catalog, and nothing of it is made.
    kinds : list of str
        ``run``, or a key of `SERVERS`.
    """
    environment = {
        **lake.environment,
        "MUSQA_HOME": str(lake.home),
        "MUSQA_QUIET_S": "1",
        "MUSQA_LOOK_EVERY_S": "2",
    }
    with Daemon(lake.root, environment) as daemon:
        for kind in kinds:
            if daemon.process is None or daemon.process.poll() is not None:
                daemon.stop()
                daemon.start()
            victim = _find(daemon, kind)
            if victim is None:
                continue
            wanted, deadline = len(fragments(lake.home)) + rng.integers(0, 4), time.monotonic() + 30
            while len(fragments(lake.home)) < wanted and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(rng.uniform(0.0, 2.0))
            moment = progress(lake.home)
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
                psutil.wait_procs([victim], timeout=20)
                gone = not victim.is_running() or victim.status() == psutil.STATUS_ZOMBIE
                ledger.fault(f"kill -9 of a {kind} (dagster dev)", moment, gone and "it is gone")
    ledger.judge(plant.finish(lake))


def _find(daemon: Daemon, kind: str) -> psutil.Process | None:
    deadline = time.monotonic() + APPEARS_S
    while time.monotonic() < deadline and daemon.process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            if kind == "run":
                for run in daemon.runs():
                    tag = run["tags"].get("musqa/process", "")
                    if run["status"] == "STARTED" and tag:
                        pid = int(tag.rpartition(":")[2].partition("@")[0])
                        if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                            return psutil.Process(pid)
            else:
                for process in family_of(daemon.process.pid):
                    if SERVERS[kind] in " ".join(process.cmdline()):
                        return process
        time.sleep(0.2)
    return None
