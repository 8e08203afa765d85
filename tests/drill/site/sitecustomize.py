"""Installs the drill's kill points in worker processes; on their PYTHONPATH during a drill."""

import os
import sys

if "DRILL_WORKER_POINT" in os.environ and any("core.workers.child" in a for a in sys.orig_argv):
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location(
        "drill_points", Path(__file__).parents[1] / "points.py"
    )
    points = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = points  # dataclasses look there
    spec.loader.exec_module(points)
    points.install("DRILL_WORKER_POINT")
