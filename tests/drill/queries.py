"""Many readers while runs are made and killed: every answer is true, none is torn or double."""

from __future__ import annotations

import json
from contextlib import contextmanager

from tests.drill.ledger import Ledger


@contextmanager
def readers(plant, lake, n: int, program: str = "ask"):
    """Start readers of the views; they are told to stop at the end of the block.

    Yields
    ------
    list of list of (view, hashes of rows)
        What each reader was answered, when the block has ended.
    """
    stop, answers = lake.root / "stop", [lake.root / f"answers-{i}.jsonl" for i in range(n)]
    asking = [plant.start(lake, program, str(lake.home), str(stop), str(a)) for a in answers]
    found: list[list] = []
    try:
        yield found
    finally:
        stop.touch()
        codes = [reader.wait(120) for reader in asking]
    assert codes == [0] * n, plant.log(lake)
    found += [[json.loads(line) for line in a.read_text().splitlines()] for a in answers]


def judge_answers(ledger: Ledger, found: list, final: dict[str, set[str]]) -> int:
    """Check that every answer holds rows of the finished lake alone, each at most once."""
    n = 0
    for answers in found:
        assert answers, "a reader was never answered"
        for view, hashes in answers:
            n += 1
            assert len(set(hashes)) == len(hashes), f"{view}: a row came twice"
            assert set(hashes) <= final[view], f"{view}: a row that never was"
    verdict = ledger.chapters[-1].verdict
    verdict.answers += n
    return n
