"""What listing and queries cost over more and more references, before and after compaction.

    .venv/bin/python benchmarks/query_times.py FOLDER [REFERENCES …]

Units have the columns of the real tables with made-up values, three degraded excerpts a reference
and payloads of a hundred bytes: what is measured is the number of files, not their size. Prints the
table of docs/lake.md, in CPU seconds.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.core.tables import Table
from musqa_pipeline.operations.maintenance.compact import compact_lake
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.views.duck import publish, query

REFERENCES = (10, 100, 1_000, 10_000)
ROWS_PER_UNIT = 3
STAGES = {"degradations": DEGRADATIONS, "labels": LABELS}
MADE = ("tracks", "excerpts", "degradations", "labels")
FINGERPRINTS = {name: str(index) * 32 for index, name in enumerate(MADE, start=1)}
QUERY = (
    "SELECT last_name, count(*), avg(mos) FROM labels "
    "JOIN degradations USING (catalog, degraded_id) GROUP BY 1"
)


def made_up(table: Table, reference: int, rows: int) -> pa.Table:
    """Return rows of a table with a value of the right type in every column."""

    def value(name: str, kind: pa.DataType, row: int) -> Any:
        if name in {"excerpt_id", "track_id"}:
            return f"{reference:08d}"
        if name == "degraded_id":
            return f"{reference:08d}-{row}"
        if pa.types.is_boolean(kind):
            return False
        if pa.types.is_floating(kind):
            return 1.0 + (reference * 7 + row) % 37 / 10
        if pa.types.is_integer(kind):
            return row
        if pa.types.is_binary(kind):
            return bytes([reference % 256]) * 100
        return [] if pa.types.is_list(kind) else "text"

    columns = table.columns
    return table.from_rows(
        {c.name: value(c.name, c.type, row) for c in columns} for row in range(rows)
    )


def fill(context: Context, references: int) -> None:
    """Write the units of the stages 3 and 4."""
    for stage, table in STAGES.items():
        for reference in range(references):
            rows = made_up(table, reference, ROWS_PER_UNIT)
            context.lake.write(context.partition(stage), f"{reference:08d}-0", rows)


def timed(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the cheaper of two tries: the clock shows what else goes on."""
    seconds = []
    for _ in range(2):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def measure(context: Context) -> list[float]:
    """Return CPU seconds: listing labels, reading a column, a count, a join."""
    lake, partition = context.lake, context.partition("labels")
    return [
        timed(lambda: lake.done(partition)),
        timed(lambda: lake.scan(partition, LABELS.schema, columns=["mos"])),
        timed(lambda: query(context.home, "SELECT count(*), avg(mos) FROM labels")),
        timed(lambda: query(context.home, QUERY)),
    ]


def main() -> None:
    """Measure all sizes and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where homes are made, each removed at its end")
    parser.add_argument("references", type=int, nargs="*", default=REFERENCES)
    arguments = parser.parse_args()
    print("| references | files | | list | scan | count | join | compaction |")
    print("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for references in arguments.references:
        home = arguments.folder / str(references)
        shutil.rmtree(home, ignore_errors=True)
        context = Context(home, Preset(name="bench", catalogs=("many",)), "many", FINGERPRINTS)
        fill(context, references)
        publish(context, [])
        for state in ("loose", "packed"):
            seconds = 0.0
            if state == "packed":
                started = time.process_time()
                compact_lake(home)
                seconds = time.process_time() - started
            partitions = [context.lake.folder(context.partition(stage)) for stage in STAGES]
            files = sum(len(list(folder.rglob("*.parquet"))) for folder in partitions)
            cells = [f"{s:.3f} s" for s in measure(context)]
            took = f"{seconds:.1f} s" if seconds else ""
            print(f"| {references:,} | {files:,} | {state} | {' | '.join(cells)} | {took} |")
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
