"""A made-up world in which every cascade has a known quality, and stages that cost nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.seeds import unit_interval_hash
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.dataset.adaptive import rounds
from musqa_pipeline.stages.dataset.adaptive.rounds import run_rounds
from musqa_pipeline.stages.degradations import stage as degradations_stage
from musqa_pipeline.stages.degradations.plan import plan_reference
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit, run_stage
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage, scoring_fingerprint
from musqa_pipeline.stages.labels import stage as labels_stage
from musqa_pipeline.stages.labels.table import LABELS

PRESET = {
    "degradations": {"n_cascades": 1},
    "adaptive": {"rounds": 3, "cascades_per_round": 6, "rows_wanted": 240, "n_bins": 8},
}
REFUSED = "refuse"
"""References of this name have a silent cascade in the first round after round 0."""
_EMPTY = {pa.string(): "-", pa.binary(): b"", pa.bool_(): False}


def quality_of(excerpt_id: str, *process_ids: int) -> float:
    """Quality of a process or a cascade: the worse half, less a little of its own."""
    if not process_ids:
        return 0.93
    if len(process_ids) == 2:
        worse = min(quality_of(excerpt_id, p) for p in process_ids)
        return worse - 0.02 * unit_interval_hash("cascade", excerpt_id, *process_ids)
    (process_id,) = process_ids
    level = 0.93 - 0.8 * (1 - process_id / 45) ** 3
    return max(0.1, level - 0.1 * unit_interval_hash("reference", excerpt_id))


def filled(table: Table, rows: list[dict]) -> pa.Table:
    """Build a table whose other columns hold nothing of interest."""
    defaults = {
        c.name: _EMPTY.get(c.type, [] if pa.types.is_list(c.type) else 0)
        for c in table.columns
        if not c.nullable
    }
    return table.from_rows({**defaults, **row} for row in rows)


def degrade(context: Context, unit: Unit) -> pa.Table:
    rows = degradations_stage.planned_rows(unit, context.preset.degradations)
    excerpt_id = unit.plan["excerpt_id"]
    if excerpt_id.startswith(REFUSED) and "pairs" in unit.plan:
        raise UnfitInputError("silent_result", "nothing is left", "leave it")
    first = {}
    for row in rows:  # AAC at 320, 512 and 700 kbit/s is one process
        process = tuple(int(p) for p in row["process"].split("_"))
        row["pcm_hash"] = "_".join(str(25 if p in (26, 27) else p) for p in process)
        earlier = first.setdefault(row["pcm_hash"], row["degraded_id"])
        row["identical_to"] = earlier if earlier != row["degraded_id"] else None
    return filled(DEGRADATIONS, rows)


def score(context: Context, unit: Unit) -> pa.Table:
    stored = context.lake.read(context.partition("degradations"), unit.unit_id, ["degraded_id"])
    rows = []
    for degraded_id in stored["degraded_id"].to_pylist():
        excerpt_id, _, process = degraded_id.rpartition("-")
        ids = [int(p) for p in process.split("_") if p != "0"]
        quality = quality_of(excerpt_id, *(25 if p in (26, 27) else p for p in ids))
        rows.append({"degraded_id": degraded_id, "excerpt_id": excerpt_id, "quality": quality})
    return filled(LABELS, rows)


def use_costless_stages(monkeypatch) -> None:
    """Let the graph's stages 3 and 4 make rows without audio."""
    for module, name, make in (
        (degradations_stage, "DEGRADATIONS_MAKER", degrade),
        (labels_stage, "LABELS_MAKER", score),
    ):
        costless = dataclasses.replace(getattr(module, name), make=make)
        monkeypatch.setattr(module, name, costless)
        monkeypatch.setattr(rounds, name, costless)


def world(home: Path, excerpt_ids: list[str], **preset) -> Context:
    """Return the context of a catalog with these references."""
    context = with_fingerprints(Context(home, parse_preset("tiny", PRESET | preset), "songs", {}))
    add_references(context, excerpt_ids)
    return context


def with_fingerprints(context: Context) -> Context:
    """Give the stages 3 and 4 their fingerprints."""
    fingerprints = {"excerpts": "e" * 32}
    scoring = scoring_fingerprint(context.home, context.preset)
    context = dataclasses.replace(context, fingerprints=fingerprints, scoring=scoring)
    for name in ("degradations", "labels"):
        fingerprints = {**fingerprints, name: get_stage(name).fingerprint(context)}
        context = dataclasses.replace(context, fingerprints=fingerprints)
    return context


def add_references(context: Context, excerpt_ids: list[str]) -> None:
    """Store references, without audio."""
    for excerpt_id in excerpt_ids:
        row = filled(EXCERPTS, [{"excerpt_id": excerpt_id, "track_id": excerpt_id}])
        context.lake.write(context.partition("excerpts"), excerpt_id, row)


def play(context: Context, *, before=lambda stage: None, fanout=None, log=lambda text: None):
    """Run all rounds; `before` is called before each run of a stage."""

    def run(name):
        stage = get_stage(name)
        before(stage)
        return run_stage(stage, context, fanout=fanout, log=log)

    return run_rounds(context, run, log=log)


def contents(context: Context) -> dict[str, bytes]:
    """Bytes of every unit of plans, degradations and labels, by path."""
    root = context.home / "lake"
    files = [p for s in ("rounds", "degradations", "labels") for p in (root / s).rglob("*.parquet")]
    return {str(p.relative_to(root)): p.read_bytes() for p in files}


def labelled(
    excerpt_ids: list[str], *, n_cascades: int = 4, settings: DegradationsSettings | None = None
) -> pl.DataFrame:
    """Return labelled rows as a plan gets them."""
    settings = settings or DegradationsSettings()
    rows = []
    for excerpt_id in excerpt_ids:
        for row in plan_reference(excerpt_id, n_cascades, settings):
            ids = [row["first_id"], row["last_id"]][: row["depth"]]
            rows.append({**row, "identical_to": None, "quality": quality_of(excerpt_id, *ids)})
    columns = ("degraded_id", "excerpt_id", "depth", "first_id", "last_id", "in_pool")
    return pl.DataFrame(rows, infer_schema_length=None).select(
        *columns, pl.col("identical_to").cast(pl.String), "quality"
    )


def cascades_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the cascades among labelled rows, as tried."""
    return rows.filter(pl.col("depth") == 2).select("excerpt_id", "first_id", "last_id")


def no_labels(n_references: int):
    """Return arrays of no labelled cascade."""
    none = np.empty(0, dtype=np.int64)
    return np.full((n_references, 45), np.nan), none, none, none, np.empty(0)
