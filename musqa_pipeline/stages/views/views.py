"""The views as SQL: which tables there are, which files each reads, and what a preset may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from musqa_pipeline.core.settings.preset import DEMO_CATALOG
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.degradations.round_plans import PLAN_PARTITION
from musqa_pipeline.stages.degradations.round_table import ROUNDS
from musqa_pipeline.stages.engine.exclusions import WITHHELD
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.engine.run_costs import STAGE_RUNS
from musqa_pipeline.stages.graph import get_table
from musqa_pipeline.stages.rows import ROWS
from musqa_pipeline.stages.views.drift_table import DRIFT
from musqa_pipeline.stages.views.promotions_table import PROMOTIONS
from musqa_pipeline.stages.views.queries import sql_text
from musqa_pipeline.stages.views.remote import View
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake

PER_CATALOG = {row.name: get_table(row) for row in ROWS if not row.joint}
JOINT = {row.name: get_table(row) for row in ROWS if row.joint}
HISTORY = {
    "promotions": PROMOTIONS, "drift": DRIFT, "stage_runs": STAGE_RUNS, "withheld": WITHHELD,
}  # fmt: skip
"""What follows from what happened and no stage makes again (`stages/engine/records.py`)."""
NEVER_MADE = "never-made"
"""Stands for the fingerprint of a stage that a preset was published without."""
VIEWS: dict[str, Table] = {
    table.name: table
    for table in (*PER_CATALOG.values(), ROUNDS, *JOINT.values(), *HISTORY.values(), QUARANTINE)
}


def schemas_of(lake: Lake, record: dict[str, Any]) -> Iterator[tuple[str, list[View]]]:
    """Yield the schemas of all presets, and of the last one again as ``main``."""
    for name, entry in sorted(record["presets"].items()):
        views = list(_views(lake, entry))
        yield name, views
        if name == record["last"]:
            yield "main", views


def shown_partitions(stages: Mapping[str, str]) -> Iterator[tuple[Partition, Table]]:
    """Yield the partitions that the views of a preset read, with their tables."""
    for stage, table in PER_CATALOG.items():
        fingerprint = stages.get(stage, NEVER_MADE)
        yield Partition("quarantine", fingerprint, "*"), QUARANTINE
        yield Partition(stage, fingerprint, "*"), table
    yield Partition(PLAN_PARTITION, stages.get("degradations", NEVER_MADE), "*"), ROUNDS
    for stage, table in {**JOINT, **HISTORY}.items():
        yield Partition(stage, stages.get(stage, NEVER_MADE), None), table


def _views(lake: Lake, entry: dict[str, Any]) -> Iterator[View]:
    visible = _visible(entry["catalogs"])
    quarantined, refused = [], ""
    for partition, table in shown_partitions(entry["stages"]):
        files = _files(lake.glob(partition))
        if partition.catalog is None:
            yield table.name, f"SELECT * EXCLUDE (run) FROM {files}"
        elif table is QUARANTINE:
            refused = files
            quarantined.append(f"SELECT * EXCLUDE (settings) FROM {files}")
        else:
            source = f"SELECT * EXCLUDE (settings) FROM {files} WHERE {visible}"
            # Of exact duplicates, all but the first are in quarantine.
            if partition.stage == "tracks":
                source += (
                    f" AND (catalog, unit_id) NOT IN (SELECT (catalog, unit_id) FROM {refused})"
                )
            yield table.name, source
    union = " UNION ALL ".join(quarantined)
    yield QUARANTINE.name, f"SELECT * FROM ({union}) WHERE {visible}"


def view_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns of a table's view: those of its files, and the catalog of stages 1-4."""
    import pyarrow as pa

    catalog = Column("catalog", pa.string(), "catalog that the row belongs to")
    divided = table.name in {*PER_CATALOG, ROUNDS.name, QUARANTINE.name}
    return (*table.columns, catalog) if divided else table.columns


def _files(globs: list[str]) -> str:
    listed = ", ".join(map(sql_text, globs))
    return (
        f"read_parquet([{listed}], union_by_name = true, hive_partitioning = true, "
        "hive_types_autocast = false)"  # a catalog named 2024 stays text
    )


def _visible(catalogs: list[str]) -> str:
    named = ", ".join(sql_text(name) for name in catalogs if name != "*")
    choices = [f"catalog IN ({named})"] if named else []
    if "*" in catalogs:
        choices.append(f"catalog <> {sql_text(DEMO_CATALOG)}")
    return f"({' OR '.join(choices) or 'false'})"
