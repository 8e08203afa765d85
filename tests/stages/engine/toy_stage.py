"""A tiny stage for tests of the runner: a unit a number, some of which misbehave."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa

from musqa_pipeline.core.errors import ToolError, UnfitInputError
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Stage, Unit

SQUARES = Table(
    "labels",
    "a square",
    (Column("n", pa.int64(), "a number"), Column("square", pa.int64(), "its square")),
)


def list_units(context: Context) -> list[Unit]:
    """Read the numbers from a file, so that a test can change them."""
    text = (context.home / "numbers.txt").read_text()
    return [Unit(f"u{n}", f"number {n}", {"n": int(n)}) for n in text.split()]


def make_unit(context: Context, unit: Unit) -> pa.Table:
    n = unit.plan["n"]
    slow = context.home / "slow"
    if slow.exists():
        time.sleep(float(slow.read_text()))
    if n == 13:
        raise UnfitInputError("unlucky", "n=13", "use another number")
    if n == 14 and not (context.home / "better").exists():
        raise UnfitInputError("away", "n=14", "wait", passing=True)
    if n == 404:
        raise RuntimeError("a bug")
    if n == 500:
        raise ToolError("the abacus is broken; mend it")
    if n == 666:
        os._exit(9)
    if n == 667 and not (context.home / "died").exists():
        (context.home / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if n == 1000:  # hangs with a program of its own
        with subprocess.Popen(["sleep", "600"]) as program:
            (context.home / "sleeper").write_text(str(program.pid))
    if n == 2000:
        ballast = bytearray(400_000_000)
        time.sleep(600)
        assert ballast
    return SQUARES.from_rows([{"n": n, "square": n * n}])


TOY = Stage(
    name="labels",
    section="labels",
    version=1,
    table=SQUARES,
    tools=("numpy",),
    units=list_units,
    make=make_unit,
)


def toy_context(home: Path, numbers: str) -> Context:
    home.mkdir(parents=True, exist_ok=True)
    note = home / "numbers.txt"
    if not note.exists() or note.read_text() != numbers:
        note.write_text(numbers)
    return Context(home, Preset(name="toy"), "toys", {"labels": "a" * 32})
