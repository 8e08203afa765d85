"""Draw the plan of one round from the labels of the rounds before it, and from nothing else."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.core.settings.per_catalog import AdaptiveSettings
from musqa_pipeline.stages.dataset.adaptive.choose import NO_PROCESS, Pool, choose_cascades
from musqa_pipeline.stages.dataset.adaptive.predict import N_PROCESSES, Known, predict_cascades
from musqa_pipeline.stages.dataset.balance import quality_edges
from musqa_pipeline.stages.degradations.round_table import ROUNDS
from musqa_pipeline.stages.degradations.stage import list_units, planned_rows
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.labels.table import LABELS

LABEL_COLUMNS = (
    "degraded_id", "excerpt_id", "depth", "first_id", "last_id", "in_pool", "identical_to",
)  # fmt: skip
"""Columns of `degradations` that a plan depends on, besides the label."""


def draw_plan(context: Context, round_number: int) -> pa.Table:
    """Draw the plan of the next round of a catalog."""
    lake = context.lake
    units = list_units(context)
    planned = [
        (row["excerpt_id"], row["first_id"], row["last_id"])
        for unit in units
        for row in planned_rows(unit, context.preset.degradations)
        if row["depth"] == 2
    ]
    made = lake.scan(
        context.partition("degradations"),
        DEGRADATIONS.schema,
        columns=list(LABEL_COLUMNS),
        units=[unit.unit_id for unit in units],
    )
    partition = context.partition("labels")
    labelled = [unit.unit_id for unit in units if not lake.missing(partition, [unit.unit_id])]
    labels = lake.scan(partition, LABELS.schema, columns=["degraded_id", "quality"], units=labelled)
    rows = pl.DataFrame(made).join(pl.DataFrame(labels), on="degraded_id", how="inner")
    tried = pl.DataFrame(
        planned, schema={"excerpt_id": pl.String, "first_id": int, "last_id": int}, orient="row"
    )
    return plan_from_labels(rows, tried, context.preset.adaptive, round_number)


def plan_from_labels(
    rows: pl.DataFrame,
    tried: pl.DataFrame,
    settings: AdaptiveSettings,
    round_number: int,
    *,
    only: pl.DataFrame | None = None,
) -> pa.Table:
    """Draw a plan from labelled rows."""
    # Of random processes none is predicted, and none is planned.
    listed = (pl.col("first_id") <= N_PROCESSES) & (pl.col("last_id") <= N_PROCESSES)
    rows = rows.filter(listed).sort("excerpt_id", "degraded_id")
    tried = tried.filter(listed)
    pool = rows.filter(pl.col("in_pool") & pl.col("identical_to").is_null())
    if pool.is_empty():
        return ROUNDS.from_rows([])
    excerpt_ids = rows["excerpt_id"].unique().sort().to_list()
    prediction = predict_cascades(_known(rows, excerpt_ids))
    twins = _twins(rows, excerpt_ids)
    untried = twins == np.arange(N_PROCESSES)
    untried = untried[:, :, None] & untried[:, None, :]
    if only is not None:
        untried &= _marked(only, excerpt_ids)
    # A pair with an equal half gives what the pair with that half's twin gives.
    i, first, last = np.nonzero(_marked(tried, excerpt_ids))
    untried[i, twins[i, first], twins[i, last]] = False
    edges = quality_edges(pool["quality"].to_numpy(), settings.n_bins)
    chosen = choose_cascades(
        prediction,
        untried,
        _pool(pool, excerpt_ids),
        edges,
        excerpt_ids,
        settings,
        round_number,
    )
    return ROUNDS.from_rows(
        {
            "round": round_number,
            "excerpt_id": excerpt_ids[c.reference],
            "process": f"{c.first + 1}_{c.last + 1}",
            "first_id": c.first + 1,
            "last_id": c.last + 1,
            "predicted_quality": c.predicted_quality,
            "bin": c.bin,
            "bin_low": float(edges[c.bin]),
            "bin_high": float(edges[c.bin + 1]),
        }
        for c in sorted(chosen, key=lambda c: c.reference)
    )


def _places(frame: pl.DataFrame, excerpt_ids: list[str]) -> NDArray[np.int64]:
    return np.searchsorted(np.array(excerpt_ids), frame["excerpt_id"].to_numpy().astype(str))


def _known(rows: pl.DataFrame, excerpt_ids: list[str]) -> Known:
    alone, pairs = rows.filter(pl.col("depth") == 1), rows.filter(pl.col("depth") == 2)
    singles = np.full((len(excerpt_ids), N_PROCESSES), np.nan)
    singles[_places(alone, excerpt_ids), alone["first_id"].to_numpy() - 1] = alone["quality"]
    return Known(
        singles,
        _places(pairs, excerpt_ids),
        pairs["first_id"].to_numpy().astype(np.int64) - 1,
        pairs["last_id"].to_numpy().astype(np.int64) - 1,
        pairs["quality"].to_numpy(),
    )


def _pool(rows: pl.DataFrame, excerpt_ids: list[str]) -> Pool:
    depth = rows["depth"].to_numpy()
    return Pool(
        rows["quality"].to_numpy(),
        _places(rows, excerpt_ids),
        np.where(depth > 0, rows["first_id"].to_numpy() - 1, NO_PROCESS).astype(np.int64),
        np.where(depth > 1, rows["last_id"].to_numpy() - 1, NO_PROCESS).astype(np.int64),
    )


def _marked(pairs: pl.DataFrame, excerpt_ids: list[str]) -> NDArray[np.bool_]:
    """Turn a list of cascades into a mask of shape (references, 45, 45)."""
    mask = np.zeros((len(excerpt_ids), N_PROCESSES, N_PROCESSES), dtype=bool)
    pairs = pairs.filter(pl.col("excerpt_id").is_in(excerpt_ids))
    first, last = pairs["first_id"].to_numpy() - 1, pairs["last_id"].to_numpy() - 1
    mask[_places(pairs, excerpt_ids), first, last] = True
    return mask


def _twins(rows: pl.DataFrame, excerpt_ids: list[str]) -> NDArray[np.int64]:
    """Of each process of each reference, the first one that gives the same samples alone.

    AAC clamps its rate, so that 320, 512 and 700 kbit/s are often one process under three names.
    """
    alone = rows.filter(pl.col("depth") == 1)
    same = alone.filter(pl.col("identical_to").is_not_null()).join(
        alone.select("excerpt_id", identical_to="degraded_id", twin_id="first_id"),
        on=["excerpt_id", "identical_to"],
        how="inner",
    )
    twins = np.tile(np.arange(N_PROCESSES), (len(excerpt_ids), 1))
    twins[_places(same, excerpt_ids), same["first_id"].to_numpy() - 1] = same["twin_id"] - 1
    return twins
