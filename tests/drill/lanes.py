"""The chapters in two lanes, each of which a process goes through."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.drill.chapters import Drill
from tests.drill.ledger import Ledger

LANES = (
    ("graph-kills", "graph-rot", "graph-flips", "graph-disks", "trainings"),
    ("every-commit", "toy-kills", "toy-disks", "toy-rot", "toy-clocks", "dask",
     "points", "daemon"),
)  # fmt: skip
"""Chapters of the two processes, which take about as long."""


def drill(names: Sequence[str]) -> tuple[Ledger, list[str]]:
    """Run chapters one after the other.

    Parameters
    ----------
    names : sequence of str
        Keys of `Drill.chapters`.

    Returns
    -------
    tuple of (Ledger, list of str)
        What they counted, and which of them failed, with the folder of what is left.
    """
    ledger, failed = Ledger(), []
    folder = Path(tempfile.mkdtemp(prefix="musqa-drill-"))
    folder.chmod(0o755)  # for the chapter of another user
    chapters = Drill(folder, ledger)
    try:
        for name in names:
            try:
                with ledger.chapter(name):
                    chapters.chapters[name]()
            except Exception:
                traceback.print_exc()
                failed.append(f"{name}, what is left is in {folder}")
    finally:
        chapters.close()
        if not failed:
            shutil.rmtree(folder)
    return ledger, failed
