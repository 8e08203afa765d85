"""Partitions of what grows with the years: history that no stage makes again.

What lies here belongs to a preset and to no fingerprint of a stage: decisions on models, the test
rows that they are held against, how distributions moved, what runs cost. Nothing of it follows
from the music alone, so it is exempt from the rule of same bytes, and `published.json` names it,
so that nothing sweeps it away. One kind is no history and comes and goes: `withheld`, the failed
checks that keep a catalog out of the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.storage.fragments.partition import RECORDS, Partition

__all__ = ["RECORDS", "next_number", "read_records", "record_partition", "write_record"]


def record_partition(kind: str, preset_name: str) -> Partition:
    """Return where the records of a preset lie."""
    return Partition(kind, digest(["records", kind, preset_name]), None)


def next_number(context: Context, kind: str) -> int:
    """Return the number of the next record, from 1; call it with a lock held."""
    done = context.lake.done(record_partition(kind, context.preset.name))
    return 1 + max((int(unit) for unit in done), default=0)


def read_records(context: Context, kind: str, table: Table) -> list[dict[str, Any]]:
    """Read the rows of all numbered records of a preset, in order."""
    rows = context.lake.scan(record_partition(kind, context.preset.name), table.schema).to_pylist()
    return sorted(rows, key=lambda row: row["number"])


def write_record(
    context: Context, kind: str, table: Table, number: int, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Add a record; from this moment on it holds."""
    partition = record_partition(kind, context.preset.name)
    context.lake.keep_readable(partition, table.schema)
    context.lake.write(partition, f"{number:06d}", table.from_rows(rows))
