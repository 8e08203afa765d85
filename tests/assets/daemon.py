"""The real `dagster dev`, driven over GraphQL: the daemon does all, the test drops folders."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

READY_WITHIN_S = 300
RUNS = """
query { runsOrError(limit: 200) { ... on Runs { results {
  runId status jobName tags { key value } startTime endTime
  stats { ... on RunStatsSnapshot { materializations stepsFailed } } } } } }
"""
SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "musqa"}
SENSOR = """
query Sensor($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
  ... on Sensor { name sensorState { status ticks(limit: 50) {
    tickId status skipReason error { message } } } } } }
"""


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Daemon:
    """`dagster dev` in a checkout of its own."""

    root: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it in a process group of its own and wait until it answers."""
        command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(self.port)]

        def plain_signals() -> None:  # a background shell ignores them, and so would Dagster
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

        with (self.root / "dev.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment,
                stdout=log,
                stderr=log,
                process_group=0,  # in the test's own session, whose share of the processor it keeps
                preexec_fn=plain_signals,
            )
        try:
            self.wait_for(self._answers, READY_WITHIN_S, "dagster dev to answer")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it and all that it started."""
        if self.process is None:
            return
        group = self.process.pid
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def log(self) -> str:
        """What it printed."""
        return (self.root / "dev.log").read_text(errors="replace")

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send one GraphQL query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        data: dict[str, Any] = found["data"]
        return data

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first, with their tags as a mapping."""
        runs = self.ask(RUNS)["runsOrError"]["results"]
        return [{**r, "tags": {t["key"]: t["value"] for t in r["tags"]}} for r in reversed(runs)]

    def catalog_runs(self, catalog: str) -> list[dict[str, Any]]:
        """The runs of one catalog."""
        return [r for r in self.runs() if r["tags"].get("dagster/partition") == catalog]

    def joint_runs(self) -> list[dict[str, Any]]:
        """The runs of the joint stages."""
        return [r for r in self.runs() if "musqa/joint" in r["tags"]]

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        """The last ticks of a sensor."""
        found = self.ask(SENSOR, selector={**SELECTOR, "sensorName": sensor})["sensorOrError"]
        state = found["sensorState"]
        assert state["status"] == "RUNNING", state
        ticks: list[dict[str, Any]] = state["ticks"]
        return ticks

    def partitions(self) -> list[str]:
        """The catalogs that the instance knows; the webserver's own list of them is cached."""
        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(self.root)
            patched.setenv(
                "MUSQA_HOME", self.environment.get("MUSQA_HOME", str(self.root / "data"))
            )
            with dg.DagsterInstance.from_config(str(self.root)) as found:
                return sorted(found.get_dynamic_partitions("catalogs"))

    def wait_for(self, condition: Callable[[], Any], within_s: float, what: str) -> Any:
        """Wait until a condition holds and return what it returned."""
        deadline = time.monotonic() + within_s
        while True:
            found = condition()
            if found:
                return found
            alive = self.process is not None and self.process.poll() is None
            if not alive or time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}:\n{self.log()[-6000:]}")
            time.sleep(0.3)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info", timeout=5):
                return True
        except OSError:
            return False
