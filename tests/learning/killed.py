"""A training in a process of its own, which is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests import ROOT


def hang() -> None:
    """Say ``middle`` and wait to be killed."""
    print("middle", flush=True)
    time.sleep(60)
    os._exit(3)


def kill_in_the_middle(module: str, *arguments: object) -> tuple[list[str], str]:
    """Run a module of the tests and kill it where it hangs; return its lines and its complaints."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = []
    while not said or said[-1] not in {"middle\n", ""}:
        said.append(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    _, complaints = child.communicate(timeout=30)
    assert (said.pop(), child.returncode) == ("middle\n", -signal.SIGKILL), complaints
    return said, complaints
