"""A Dask scheduler and workers as real processes, started with the commands of the README."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from distributed import Client

from tests import ROOT


class Machines:
    """Processes of one scheduler and its workers on the loopback interface.

    Workers have a nanny each, as `dask worker` gives them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start_scheduler()

    def start_scheduler(self, port: int = 0) -> subprocess.Popen[bytes]:
        note = self.folder / "scheduler.json"
        note.unlink(missing_ok=True)
        process = self._start(
            *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)),
            *("--no-dashboard", "--scheduler-file", str(note)),
        )
        deadline = time.monotonic() + 60
        while not note.exists() or not note.read_text():
            assert process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        self.address = json.loads(note.read_text())["address"]
        return process

    def start_worker(self, *, gpus: int = 0, **variables: str) -> subprocess.Popen[bytes]:
        return self._start(
            *("distributed.cli.dask_worker", self.address, "--host", "127.0.0.1"),
            *("--nthreads", str(max(1, gpus)), "--no-dashboard"),
            *("--local-directory", str(self.folder)),
            *(("--resources", f"GPU={gpus}") if gpus else ()),
            **variables,
        )

    def mend(self, n_workers: int = 2) -> None:
        """Start again what was killed: the scheduler at the same port, and workers."""
        if self.scheduler.poll() is not None:
            self.scheduler = self.start_scheduler(int(self.address.rpartition(":")[2]))
        deadline = time.monotonic() + 120
        while True:
            nannies = [p for p in self.started if p.poll() is None and "dask_worker" in str(p.args)]
            for _ in range(n_workers - len(nannies)):
                self.start_worker()
            try:
                self.wait_for_workers(1, timeout_s=10)
                return
            except TimeoutError:  # nannies of a scheduler that was killed end a while after it
                assert time.monotonic() < deadline, self.log

    def wait_for_workers(self, n_workers: int, *, timeout_s: float = 90) -> None:
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=timeout_s)

    def worker_processes(self) -> list[psutil.Process]:
        """The Dask workers themselves: children of the nannies that speak to the scheduler."""
        nannies = [p.pid for p in self.started if "dask_worker" in " ".join(map(str, p.args))]
        found = [c for pid in nannies if psutil.pid_exists(pid) for c in children_of(pid)]
        return [c for c in found if "spawn_main" in " ".join(c.cmdline())]

    @property
    def log(self) -> str:
        return (self.folder / "machines.log").read_text()

    def _start(self, module: str, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MUSQA")}
        with (self.folder / "machines.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={"PYTHONPATH": str(ROOT), **kept, **variables},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        return process

    def stop(self) -> None:
        family = [c for p in self.started if p.poll() is None for c in children_of(p.pid)]
        for process in self.started:
            process.send_signal(signal.SIGKILL)
            process.wait()
        for child in family:
            if child.is_running():
                child.kill()
        psutil.wait_procs(family, timeout=10)


def children_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)
