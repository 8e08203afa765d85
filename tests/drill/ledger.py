"""What was broken, by what proof, and what it cost: counted, printed, written as JSON."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.drill.plant import Verdict


@dataclass(frozen=True)
class Fault:
    """One fault that was injected, with the proof that it occurred."""

    chapter: str
    kind: str
    where: str
    """The moment, or the place."""
    proof: str
    """What was seen of it: an exit code, an errno, a byte."""


@dataclass
class Chapter:
    """One way of breaking things."""

    name: str
    faults: int = 0
    seconds: float = 0.0
    skipped: str = ""
    verdict: Verdict = field(default_factory=Verdict)
    lakes: int = 0


class Ledger:
    """Counts faults and verdicts of the chapters of a drill."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.chapters: list[Chapter] = []
        self.started = time.monotonic()

    @contextmanager
    def chapter(self, name: str):
        """Count what happens in the block under a name."""
        chapter, started = Chapter(name), time.monotonic()
        self.chapters.append(chapter)
        try:
            yield
        except Skipped as reason:
            chapter.skipped = str(reason)
        finally:
            chapter.seconds = time.monotonic() - started
            print(self.line(chapter), flush=True)

    def fault(self, kind: str, where: object, proof: object) -> None:
        """Count a fault.

        Raises
        ------
        AssertionError
            If there is no proof that it occurred.
        """
        assert proof, f"{kind} at {where}: the fault did not occur"
        chapter = self.chapters[-1]
        chapter.faults += 1
        self.faults.append(Fault(chapter.name, kind, str(where), str(proof)))

    def judge(self, verdict: Verdict) -> None:
        """Take the verdict on a lake that was broken and mended."""
        chapter = self.chapters[-1]
        chapter.verdict += verdict
        chapter.lakes += 1
        assert verdict.whole, verdict

    def add(self, other: Ledger) -> None:
        """Take over what another ledger counted."""
        self.faults += other.faults
        self.chapters += other.chapters

    @property
    def total(self) -> Verdict:
        """The verdict on all lakes."""
        total = Verdict()
        for chapter in self.chapters:
            total += chapter.verdict
        return total

    def by_kind(self) -> dict[str, int]:
        """Count faults by kind."""
        return dict(sorted(Counter(f.kind for f in self.faults).items()))

    @staticmethod
    def line(chapter: Chapter) -> str:
        """Sum up a chapter."""
        if chapter.skipped:
            return f"{chapter.name:<22} skipped: {chapter.skipped}"
        v = chapter.verdict
        return (
            f"{chapter.name:<22} {chapter.faults:4} faults {chapter.seconds:7.1f} s  "
            f"{chapter.lakes} lakes, {v.rows} rows: {v.lost} lost, {v.double} double; "
            f"{v.files} files, {len(v.differing)} differ"
        )

    def summary(self) -> str:
        """Sum up the drill."""
        total, kinds = self.total, defaultdict(int, self.by_kind())
        lines = [f"  {count:4} {kind}" for kind, count in kinds.items()]
        seconds = time.monotonic() - self.started
        return "\n".join(
            [
                *lines,
                f"{len(self.faults)} faults in {seconds:.0f} s; {total.rows} rows compared: "
                f"{total.lost} lost, {total.double} double; {total.files} files compared: "
                f"{len(total.differing)} differ",
            ]
        )

    def table(self) -> str:
        """Return what a page shows: a row a chapter, in Markdown."""
        lines = [
            "| chapter | faults | rows compared | lost | double | files compared | differ | s |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for c in self.chapters:
            v = c.verdict
            cells = (
                f"`{c.name}`", c.faults, v.rows, v.lost, v.double, v.files, len(v.differing),
                f"{c.seconds:.0f}",
            )  # fmt: skip
            told = (c.skipped,) if c.skipped else cells[1:]
            lines.append("| " + " | ".join(map(str, (cells[0], *told))) + " |")
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        total = self.total
        record = {
            "faults": len(self.faults),
            "rows_lost": total.lost,
            "rows_double": total.double,
            "rows_compared": total.rows,
            "files_compared": total.files,
            "files_differing": total.differing,
            "by_kind": self.by_kind(),
            "chapters": [asdict(chapter) for chapter in self.chapters],
            "each": [asdict(fault) for fault in self.faults],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n")


class Skipped(Exception):  # noqa: N818 - it is no error
    """What this machine does not allow; the text says what."""
