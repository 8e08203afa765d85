"""The whole drill: ``python -m tests.drill [--only CHAPTER …] [--json FILE]``.

Exit code 0 means: at least 200 faults, each with its proof, no row lost, none double, no byte
different. A chapter that this machine does not allow is skipped with its reason. The chapters go in
two processes side by side, as most of each is waiting.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.drill.lanes import LANES, drill
from tests.drill.ledger import Ledger

WANTED = 200


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


if __name__ == "__main__":
    sys.exit(main())
