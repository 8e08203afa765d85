"""What the drill runs beside musqa's own commands; each is called by its name in a fork."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.settings.preset import load_preset
from musqa_pipeline.stages.engine.catalog_choice import chosen_catalogs
from musqa_pipeline.stages.engine.cluster.choice import choose_fanout
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.evaluation.publish import publish_report
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.rows import CATALOG_STAGES, JOINT_STAGES, find_row
from musqa_pipeline.stages.tracks.duplicates import mark_duplicates
from musqa_pipeline.stages.views.duck import PER_CATALOG, publish, query
from tests.stages.engine.toy_stage import TOY, toy_context

ASK_EVERY_S = 2.0
AFTER = {"tracks": mark_duplicates, "evaluation": publish_report}


def toy(home: str, numbers: str) -> None:
    """Run the toy stage, in worker processes if there are to be any, and publish the views."""
    spread = {"MUSQA_WORKERS", "MUSQA_DASK_SCHEDULER"} & os.environ.keys()
    context = toy_context(Path(home), numbers)
    others = {name: name[0] * 32 for name in PER_CATALOG}
    context = replace(context, fingerprints={**others, **context.fingerprints})
    try:
        run_stage(TOY, context, fanout=choose_fanout() if spread else None)
        publish(context, [TOY.name])
    except MusqaError as error:
        raise SystemExit(f"error: {error}") from error


def inline_graph(home: str, preset_file: str, until: str = JOINT_STAGES[-1]) -> None:
    """Run the stages in this one process, as the assets do: run, what comes after, publish."""
    preset, order = load_preset(preset_file), (*CATALOG_STAGES, *JOINT_STAGES)
    for name in order[: order.index(until) + 1]:
        joint = name in JOINT_STAGES
        for catalog in [None] if joint else chosen_catalogs(Path(home), preset):
            context = (
                joint_context(Path(home), preset)
                if joint
                else catalog_context(Path(home), preset, catalog)
            )
            try:
                run_stage(get_stage(name), context)
                AFTER.get(name, lambda _: None)(context)
            except MusqaError as error:
                raise SystemExit(f"error: {error}") from error
            publish(context, [name])


def slowed(stage_name: str, marker: str) -> None:
    """Run the graph; one joint stage makes its unit, touches the marker and sleeps before storing.

    So that a test can kill it in the middle.
    """
    from musqa_pipeline.cli.app import main

    module_name, attribute = find_row(stage_name).maker.split(":")
    module = importlib.import_module(f"musqa_pipeline.{module_name}")
    maker = getattr(module, attribute)

    def make_and_sleep(context: Any, unit: Any) -> Any:
        table = maker.make(context, unit)
        Path(marker).touch()
        time.sleep(300)
        return table

    setattr(module, attribute, replace(maker, make=make_and_sleep, inline=True))
    sys.argv = ["musqa", "run", "--preset", "tiny.toml"]
    main()


def hold_lock(home: str, name: str, note: str) -> None:
    """Take a lock of the lake and keep it."""
    from musqa_pipeline.storage.lake.lake import Lake

    with Lake(Path(home)).lock(name):
        Path(note).touch()
        time.sleep(600)


def ask(home: str, stop: str, answers: str) -> None:
    """Query the views over and over until told to stop; write down every answer."""
    views = ("tracks", "excerpts", "degradations", "labels", "dataset", "splits")
    turn = os.getpid()
    with Path(answers).open("w") as stream:
        while not Path(stop).exists():
            view = views[turn % len(views)]
            rows = query(Path(home), f"SELECT hash(COLUMNS(*)) FROM {view}").rows()
            stream.write(json.dumps([view, sorted(hash_of(row) for row in rows)]) + "\n")
            turn += 1
            time.sleep(ASK_EVERY_S)


def hash_of(row: tuple[int, ...]) -> str:
    """Sum up the hashes of a row's columns, in order."""
    return "-".join(f"{value:x}" for value in row)
