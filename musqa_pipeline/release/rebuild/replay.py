"""Making a published set again: the same bits, or the names of what differs.

The unit is a reference with all its rows. It is written only if every one of its rows has the
bitstream and the samples that the recipe says, so that whatever lies in the folder is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.errors import StageError, UnfitInputError, first_line
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.core.names import below
from musqa_pipeline.core.progress import StageProgress
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.core.workers.interface import Fanout, Inline, Lost
from musqa_pipeline.release.claims import claimed_folder
from musqa_pipeline.release.rebuild.checking import RECIPE
from musqa_pipeline.release.rebuild.file import Recipe, reference_hash
from musqa_pipeline.release.rebuild.references import Found, Source, load_reference
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.stage import ROWS_PER_GROUP
from musqa_pipeline.stages.degradations.table import DEGRADATIONS, PLAN_COLUMNS

DATASET_FILE = "dataset.parquet"
_MARK = b"musqa.recipe.rows"
"""Footer key: which rows of which recipe a file holds."""
REFERENCE, BITSTREAM, SAMPLES, LOST = "reference", "bitstream", "samples", "not made"
"""What differs first of a row."""
_CHECKED = ("encoder", "bitstream_hash", "pcm_hash")


@dataclass(frozen=True)
class Difference:
    """A row that did not come out as the recipe says."""

    catalog: str
    degraded_id: str
    how: str
    """Its process or processes by name, such as ``mp3`` or ``mp3 > opus``."""
    what: str
    """`REFERENCE`, `BITSTREAM` (the encoder), `SAMPLES` (the decoder or the gain), or `LOST`."""
    encoder: str
    """As the recipe has it."""
    encoder_here: str
    """Empty if nothing was made."""


@dataclass
class ReplayReport:
    """What a replay came to."""

    rows: int = 0
    """Rows that are there and right, those of earlier attempts included."""
    references: int = 0
    """The same of references."""
    made: int = 0
    """References made by this attempt."""
    differences: list[Difference] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """References that could not be made, with reasons."""


@dataclass(frozen=True)
class Task:
    """A reference with all its rows."""

    catalog: str
    excerpt_id: str
    source: Source
    target_lufs: float
    rows: list[dict[str, Any]]
    out: Path
    mark: str


@dataclass(frozen=True)
class Answer:
    """What came of it."""

    n_rows: int
    differences: list[Difference]
    failure: str = ""


def replay(
    recipe: Recipe, found: Found, out: Path, *, fanout: Fanout | None = None
) -> ReplayReport:
    """Make the rows of a recipe whose references were found."""
    facts = {"preset": recipe.head.preset, "rows": recipe.rows.height}
    with claimed_folder(out, "replay", _mark(recipe), facts, differs="of another recipe"):
        tasks = list(_tasks(recipe, found, out))
        todo = [task for task in tasks if not _is_done(task)]
        n_done = sum(len(task.rows) for task in tasks) - sum(len(task.rows) for task in todo)
        report = ReplayReport(n_done, len(tasks) - len(todo))
        with StageProgress("replay", len(tasks), report.references) as progress:
            for answer in (fanout or Inline()).map(_make, todo):
                if isinstance(answer, Lost):
                    report.failures.append(f"{answer.task.excerpt_id}: {answer.reason}")
                    progress.advance(failed=True)
                    continue
                report.differences += answer.differences
                right = not (answer.differences or answer.failure)
                if answer.failure:
                    report.failures.append(answer.failure)
                report.rows += answer.n_rows if right else 0
                report.references += right
                report.made += right
                progress.advance(answer.n_rows, failed=not right)
        rows = recipe.rows.select(DATASET.schema.names)
        _write(rows.to_arrow().cast(DATASET.schema), out, DATASET_FILE)
    return report


def how_made(row: dict[str, Any]) -> str:
    """Name the processes of a row, such as ``reference``, ``mp3`` or ``mp3 > opus``."""
    if row["depth"] == 2:
        return f"{row['first_name']} > {row['last_name']}"
    return str(row["last_name"])


def _tasks(recipe: Recipe, found: Found, out: Path) -> Iterator[Task]:
    for (catalog, excerpt_id), rows in recipe.rows.group_by(
        ["catalog", "excerpt_id"], maintain_order=True
    ):
        source = found.sources.get((str(catalog), str(excerpt_id)))
        if source is None:
            continue
        listed = rows.to_dicts()
        checked = [[row[name] for name in ("degraded_id", *_CHECKED)] for row in listed]
        mark = digest_of(repr(checked).encode())
        target_lufs = recipe.head.target_lufs
        yield Task(str(catalog), str(excerpt_id), source, target_lufs, listed, out, mark)


def _mark(recipe: Recipe) -> str:
    """Digest all that the files depend on."""
    hasher = hashlib.blake2b(repr(recipe.head.target_lufs).encode(), digest_size=16)
    for row in recipe.rows.select(RECIPE.schema.names).iter_rows():
        hasher.update(repr(row).encode())
    return hasher.hexdigest()


def _file_of(task: Task) -> tuple[str, str]:
    return task.catalog, f"{task.excerpt_id}.parquet"


def _is_done(task: Task) -> bool:
    try:
        footer = pq.read_metadata(below(task.out, *_file_of(task))).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return False
    return bool(footer.get(_MARK) == task.mark.encode())


def _make(task: Task) -> Answer:
    """Make one reference's rows, compare them, and store them if all are right; in a worker."""
    n_rows = len(task.rows)
    try:
        pcm = load_reference(task.source, target_lufs=task.target_lufs)
    except StageError as error:
        return Answer(n_rows, [], f"{task.excerpt_id}: {error}")
    if reference_hash(pcm) != task.rows[0]["reference_hash"]:
        return Answer(n_rows, [_differs(task, row, REFERENCE, "") for row in task.rows])
    plan = [{c.name: row[c.name] for c in PLAN_COLUMNS} for row in task.rows]
    try:
        made = degrade_reference(
            plan, pcm.astype(np.float32) / np.float32(32768.0), target_lufs=task.target_lufs
        )
    except UnfitInputError:  # silence where there was none
        return Answer(n_rows, [_differs(task, row, LOST, "") for row in task.rows])
    except (ArithmeticError, ValueError) as error:  # in range, and no filter together
        why = f"a process cannot be made ({first_line(error)})"
        return Answer(n_rows, [], f"{task.excerpt_id}: {why}")
    differences = []
    for wanted, row in zip(task.rows, made, strict=True):
        if digest_of(row["bitstream"]) != wanted["bitstream_hash"]:
            differences.append(_differs(task, wanted, BITSTREAM, row["encoder"]))
        elif row["pcm_hash"] != wanted["pcm_hash"]:
            differences.append(_differs(task, wanted, SAMPLES, row["encoder"]))
    if not differences:
        store(task, DEGRADATIONS.from_rows(made))
    return Answer(n_rows, differences)


def store(task: Task, table: pa.Table) -> None:
    """Store the rows of a reference, marked as what its task asked for."""
    _write(table.replace_schema_metadata({_MARK: task.mark.encode()}), task.out, *_file_of(task))


def _differs(task: Task, row: dict[str, Any], what: str, encoder_here: str) -> Difference:
    return Difference(
        task.catalog, row["degraded_id"], how_made(row), what, row["encoder"], encoder_here
    )


def _write(table: pa.Table, out: Path, *names: str) -> None:
    """Write a file of the set: the only place that does, and never outside of its folder."""
    with whole_file(below(out, *names)) as temporary:
        pq.write_table(table, temporary, row_group_size=ROWS_PER_GROUP, compression="none")
