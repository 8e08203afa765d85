"""A tiny stage that needs no folder: a unit a number, slow or deadly where the test says so."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pyarrow as pa

from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Stage, Unit

N_UNITS = 12
SLOW_S = "TEST_SLOW_S"
DEADLY = "TEST_DEADLY_FILE"
"""Names a file; while it is not there, unit 7 makes it and kills its process."""
SQUARES = Table(
    "labels",
    "a square",
    (Column("n", pa.int64(), "a number"), Column("square", pa.int64(), "its square")),
)


def list_units(context: Context) -> list[Unit]:
    return [Unit(f"u{n:02d}", f"number {n}", {"n": n}) for n in range(N_UNITS)]


def make_unit(context: Context, unit: Unit) -> pa.Table:
    n = unit.plan["n"]
    time.sleep(float(os.environ.get(SLOW_S, 0)))
    deadly = os.environ.get(DEADLY)
    if n == 7 and deadly and not os.path.exists(deadly):  # noqa: PTH110
        os.close(os.open(deadly, os.O_CREAT))
        os.kill(os.getpid(), signal.SIGKILL)
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


def list_inputs(context: Context) -> list[Unit]:
    return [Unit(unit_id, unit_id) for unit_id in context.lake.done(context.partition("excerpts"))]


def read_input(context: Context, unit: Unit) -> pa.Table:
    partition = context.partition("excerpts")
    context.lake.read(partition, unit.unit_id, ["flac"])
    with context.lake.opened(partition, unit.unit_id):
        return SQUARES.from_rows([{"n": 0, "square": 0}])


READER = replace(TOY, units=list_inputs, make=read_input)
"""Reads what each unit is made of from the stage `excerpts`."""


def toy_context(home: Home) -> Context:
    return Context(home, Preset(name="toy"), "toys", {"labels": "a" * 32})
