"""Runs musqa with one joint stage slowed: ``python -m tests.assets.slowed_run STAGE MARKER``.

The stage makes its unit, touches the marker and then sleeps before the unit is stored, so that a
test can kill it in the middle.
"""

from __future__ import annotations

import importlib
import sys
import time
from dataclasses import replace
from pathlib import Path

from musqa_pipeline.stages import graph


def slow_down(stage_name: str, marker: Path) -> None:
    """Replace a stage by one that sleeps after its work."""
    module_name, attribute = graph._DECLARED_IN[stage_name].split(":")
    module = importlib.import_module(module_name)
    stage = getattr(module, attribute)

    def make_and_sleep(context, unit):
        table = stage.make(context, unit)
        marker.touch()
        time.sleep(300)
        return table

    setattr(module, attribute, replace(stage, make=make_and_sleep, inline=True))


if __name__ == "__main__":
    slow_down(sys.argv[1], Path(sys.argv[2]))
    from musqa_pipeline.cli.app import main

    sys.argv = ["musqa", "run", "--preset", "tiny.toml"]
    main()
