"""The whole drill: ``python -m tests.drill [--only CHAPTER …] [--json FILE]``.

Exit code 0 means: at least 200 faults, each with its proof, no row lost, none double, no byte
different. A chapter that this machine does not allow is skipped with its reason. The chapters go in
two processes side by side, as most of each is waiting.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.drill.chapters import Drill
from tests.drill.ledger import Ledger

WANTED = 200
LANES = (
    ("graph-kills", "graph-rot", "graph-disks"),
    ("every-commit", "toy-kills", "toy-disks", "toy-rot", "toy-clocks", "dask",
     "points", "trainings", "daemon"),
)  # fmt: skip
"""Chapters of the two processes, which take about as long."""


def main() -> int:
    """Run the chapters and sum up."""
    known = [name for lane in LANES for name in lane]
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=known, choices=known, metavar="CHAPTER", help="; ".join(known)
    )
    parser.add_argument("--json", type=Path, help="each fault with its proof; a table beside it")
    asked = parser.parse_args()
    lanes = [[name for name in lane if name in asked.only] for lane in LANES]
    ledger, failed = Ledger(), []
    with ProcessPoolExecutor(len(lanes), mp_context=get_context("spawn")) as processes:
        for found, left in processes.map(drill, [lane for lane in lanes if lane]):
            ledger.add(found)
            failed += left
    print(ledger.summary())
    if asked.json:
        ledger.write(asked.json)
        asked.json.with_suffix(".md").write_text(ledger.table())
    if failed:
        print(f"failed: {'; '.join(failed)}", file=sys.stderr)
        return 1
    if asked.only == known and len(ledger.faults) < WANTED:
        print(f"only {len(ledger.faults)} faults, {WANTED} are wanted", file=sys.stderr)
        return 1
    return 0 if ledger.total.whole else 1


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


if __name__ == "__main__":
    sys.exit(main())
