"""`musqa.duckdb`: views over the lake, a schema per preset and the last preset in `main`.

The file holds views only. It is written aside and moved over the old one, and nothing of ours
keeps it open, so that clients may read it at any moment, also while the graph runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from musqa_pipeline.adaptive.plans import PLAN_SHELF
from musqa_pipeline.adaptive.table import ROUNDS
from musqa_pipeline.context import Context
from musqa_pipeline.dataset.table import DATASET, SPLITS
from musqa_pipeline.degradations.table import DEGRADATIONS
from musqa_pipeline.drift.table import DRIFT
from musqa_pipeline.errors import LakeError, first_line
from musqa_pipeline.evaluation.table import EVALUATIONS
from musqa_pipeline.excerpts.table import EXCERPTS
from musqa_pipeline.features.table import FEATURES
from musqa_pipeline.homes import Home
from musqa_pipeline.intrusive.table import PAIRS
from musqa_pipeline.labels.table import LABELS
from musqa_pipeline.lake import Lake, Shelf, open_store
from musqa_pipeline.lake.damaged import set_aside_damaged
from musqa_pipeline.models.table import RUNS
from musqa_pipeline.opinions.table import OPINIONS
from musqa_pipeline.progress import logger
from musqa_pipeline.promotion.table import PROMOTIONS
from musqa_pipeline.protocols.table import TRIALS
from musqa_pipeline.publication import DATABASE, PUBLISHED, read_record, record_globs, unwritable
from musqa_pipeline.records import RECORDS, record_shelf
from musqa_pipeline.release.table import RELEASE
from musqa_pipeline.settings import DEMO_CATALOG
from musqa_pipeline.spectrograms.table import SPECTROGRAMS
from musqa_pipeline.stage_runs.table import STAGE_RUNS
from musqa_pipeline.tables import Column, Table
from musqa_pipeline.tracks.table import QUARANTINE, TRACKS

PER_CATALOG = {
    "tracks": TRACKS,
    "excerpts": EXCERPTS,
    "degradations": DEGRADATIONS,
    "labels": LABELS,
}
JOINT = {
    "splits": SPLITS,
    "dataset": DATASET,
    "opinions": OPINIONS,
    "spectrograms": SPECTROGRAMS,
    "features": FEATURES,
    "pairs": PAIRS,
    "models": RUNS,
    "trials": TRIALS,
    "evaluation": EVALUATIONS,
    "release": RELEASE,
}
HISTORY = {"promotions": PROMOTIONS, "drift": DRIFT, "stage_runs": STAGE_RUNS}
"""What grows with the years and no stage makes again (`records.py`)."""
VIEWS: dict[str, Table] = {
    table.name: table
    for table in (*PER_CATALOG.values(), ROUNDS, *JOINT.values(), *HISTORY.values(), QUARANTINE)
}
ATTEMPTS = 5
"""How often a query is repeated whose file vanished under it."""


def database_path(home: Home) -> Path:
    """Return the path of the DuckDB file (it may not exist yet), of a lake on a disk."""
    return home / DATABASE


def publish(context: Context, stages: Iterable[str]) -> None:
    """Let the views show what a context's stages hold from now on.

    Parameters
    ----------
    context : Context
        With the fingerprints of `stages`.
    stages : iterable of str
        Stages (or ``"splits"``) that are to be shown as they are under this context.

    Raises
    ------
    LakeError
        If the record or the database cannot be written.
    """
    store = context.lake.store
    with store.lock("published"):
        store.sweep("", only_dead=True)
        record, version = read_record(store)
        entry = record["presets"].setdefault(context.preset.name, {"stages": {}})
        entry["catalogs"] = list(context.preset.catalogs)
        # Stages 1-4 follow from the settings alone: a changed setting changes all of them at once.
        known = [name for name in PER_CATALOG if name in context.fingerprints]
        for stage in dict.fromkeys([*known, *stages]):
            entry["stages"][stage] = context.fingerprints[stage]
        for kind in RECORDS:
            entry["stages"][kind] = record_shelf(kind, context.preset.name).fingerprint
        record["last"] = context.preset.name
        content = json.dumps(record, indent=1, sort_keys=True).encode()
        if not store.commit(PUBLISHED, content, version):
            raise LakeError(
                f"{store.address(PUBLISHED)} was changed by another process at this moment; run "
                "again"
            )
        _write_database(context.lake, record)


def read_published(home: Home) -> dict[str, Any]:
    """Return what the views show: per preset its catalogs and the fingerprint of each stage.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.

    Returns
    -------
    dict
        ``{"last": preset or None, "presets": {name: {"catalogs": […], "stages": {…}}}}``.
    """
    return read_record(open_store(home))[0]


def query(home: Home, sql: str) -> pl.DataFrame:
    """Run one SQL query on the views.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.
    sql : str
        DuckDB's SQL.

    Returns
    -------
    polars.DataFrame
        The result; empty if the text holds no statement, or one without a result.

    Raises
    ------
    LakeError
        If there is no database yet, or a file kept vanishing while it was read.
    duckdb.Error
        If the query itself is wrong.
    """
    for attempt in range(ATTEMPTS):
        try:
            with _connected(home) as connection:
                result = connection.sql(sql)
                return pl.DataFrame() if result is None else result.pl()
        except duckdb.IOException as error:
            if str(home) not in str(error):  # a file that the query itself names
                raise
            if attempt == ATTEMPTS - 1:
                raise LakeError(f"the lake changed under the query: {error}; try again") from error
            time.sleep(0.2 * (attempt + 1))
    raise AssertionError("unreachable")


def restore_views(home: Home) -> None:
    """Write the DuckDB file again, as `published.json` says.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`.

    Raises
    ------
    LakeError
        If nothing was published yet, or the file cannot be written.
    """
    lake = Lake(home)
    with lake.store.lock("published"):
        record, _ = read_record(lake.store)
        if not record["presets"]:
            where = lake.store.address(DATABASE)
            raise LakeError(f"{where} does not exist; run `musqa demo` or `musqa run` first")
        _write_database(lake, record)


def _connected(home: Home) -> duckdb.DuckDBPyConnection:
    path = database_path(home)
    if not path.exists():
        restore_views(home)
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        if "set lock" in str(error):  # somebody writes to it; its files are read all the same
            raise
        logger.warning("%s is damaged, its views are written again (%s)", path, first_line(error))
        restore_views(home)
        return duckdb.connect(str(path), read_only=True)


def _write_database(lake: Lake, record: dict[str, Any]) -> None:
    try:
        _write_views(lake, record)
    except duckdb.Error as error:
        damaged = set_aside_damaged(lake.store, record_globs(record))
        if not damaged:
            raise unwritable(lake.store, error) from error
        logger.warning("damaged, set aside and made again by the next run: %s", ", ".join(damaged))
        try:
            _write_views(lake, record)
        except duckdb.Error as still:
            raise unwritable(lake.store, still) from still


def _write_views(lake: Lake, record: dict[str, Any]) -> None:
    with lake.store.writing(DATABASE) as temporary:
        temporary.unlink(missing_ok=True)
        with duckdb.connect(":memory:") as connection:
            # An older storage version, so that clients of DuckDB 1.x can open the file.
            connection.execute(f"ATTACH {_text(temporary)} AS lake (STORAGE_VERSION 'v1.0.0')")
            for name, entry in sorted(record["presets"].items()):
                connection.execute(f'CREATE SCHEMA lake."{name}"')
                _create_views(connection, lake, name, entry)
                if name == record["last"]:
                    _create_views(connection, lake, "main", entry)
            connection.execute("DETACH lake")


def _create_views(
    connection: duckdb.DuckDBPyConnection, lake: Lake, schema: str, entry: dict[str, Any]
) -> None:
    stages, visible = entry["stages"], _visible(entry["catalogs"])
    quarantined = []
    for stage, table in PER_CATALOG.items():
        refused = Shelf("quarantine", stages[stage], "*")
        lake.keep_readable(refused, QUARANTINE.schema)
        quarantined.append(f"SELECT * EXCLUDE (settings) FROM {_files(lake.glob(refused))}")
        shelf = Shelf(stage, stages[stage], "*")
        lake.keep_readable(shelf, table.schema)
        source = f"SELECT * EXCLUDE (settings) FROM {_files(lake.glob(shelf))} WHERE {visible}"
        if stage == "tracks":  # of exact duplicates, all but the first are in quarantine
            source += (
                " AND (catalog, unit_id) NOT IN"
                f" (SELECT (catalog, unit_id) FROM {_files(lake.glob(refused))})"
            )
        _create_view(connection, schema, table, source)
    plans = Shelf(PLAN_SHELF, stages["degradations"], "*")
    lake.keep_readable(plans, ROUNDS.schema)
    source = f"SELECT * EXCLUDE (settings) FROM {_files(lake.glob(plans))} WHERE {visible}"
    _create_view(connection, schema, ROUNDS, source)
    union = " UNION ALL ".join(quarantined)
    _create_view(connection, schema, QUARANTINE, f"SELECT * FROM ({union}) WHERE {visible}")
    for stage, table in {**JOINT, **HISTORY}.items():
        shelf = Shelf(stage, stages.get(stage, "never-made"), None)
        lake.keep_readable(shelf, table.schema)
        source = f"SELECT * EXCLUDE (run) FROM {_files(lake.glob(shelf))}"
        _create_view(connection, schema, table, source)


def _create_view(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, source: str
) -> None:
    view = f'lake."{schema}"."{table.name}"'
    connection.execute(f"CREATE VIEW {view} AS {source}")
    connection.execute(f"COMMENT ON VIEW {view} IS {_text(f'One row is {table.row_is}.')}")


def view_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns of a table's view: those of its files, and the catalog of stages 1-4."""
    import pyarrow as pa

    catalog = Column("catalog", pa.string(), "catalog that the row belongs to")
    divided = table.name in {*PER_CATALOG, ROUNDS.name, QUARANTINE.name}
    return (*table.columns, catalog) if divided else table.columns


def _files(glob: str) -> str:
    return (
        f"read_parquet({_text(glob)}, union_by_name = true, hive_partitioning = true, "
        "hive_types_autocast = false)"  # a catalog named 2024 stays text
    )


def _visible(catalogs: list[str]) -> str:
    named = ", ".join(_text(name) for name in catalogs if name != "*")
    choices = [f"catalog IN ({named})"] if named else []
    if "*" in catalogs:
        choices.append(f"catalog <> {_text(DEMO_CATALOG)}")
    return f"({' OR '.join(choices) or 'false'})"


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
