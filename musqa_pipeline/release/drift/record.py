"""Add a record of how the variables are distributed now, with how far they moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from musqa_pipeline.core.clock import utc_now
from musqa_pipeline.release.drift.variables import read_variables
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import next_number, read_records, write_record
from musqa_pipeline.stages.views.drift_table import DRIFT
from musqa_pipeline.studies.statistics.distribution_distance import (
    N_LEVELS,
    Distribution,
    distance,
    distribution_of,
    threshold,
)

Rows = Sequence[Mapping[str, Any]]


def read_drift(context: Context) -> list[dict[str, Any]]:
    """Read all records of a preset."""
    return read_records(context, "drift", DRIFT)


def record_drift(context: Context) -> list[dict[str, Any]]:
    """Record how the variables are distributed, unless the newest record has seen the same rows."""
    with context.lake.lock(f"drift-{context.preset.name}"):
        before = read_drift(context)
        inputs = context.fingerprints["features"]
        if before and before[-1]["inputs"] == inputs:
            return before
        number = next_number(context, "drift")
        about = {"number": number, "recorded_utc": utc_now(), "inputs": inputs}
        rows = []
        for variable, catalog, values in read_variables(context):
            now = distribution_of(
                values["value"].to_numpy(), values["recording"].to_numpy(), catalog, variable.name
            )
            if now is not None:
                key = {"seen_catalog": catalog, "variable": variable.name}
                rows.append({**about, **key, **as_columns(now), **_moves(now, before, key)})
        write_record(context, "drift", DRIFT, number, rows)
        return read_drift(context)


def as_columns(found: Distribution) -> dict[str, Any]:
    """Turn a distribution into columns of `drift`."""
    return {
        "n_rows": found.n_rows,
        "n_recordings": found.n_recordings,
        "mean": found.mean,
        "sd": found.sd,
        "quantiles": found.quantiles.tolist(),
        "resampled": found.resampled.astype(np.float32).ravel().tolist(),
    }


def from_columns(row: Mapping[str, Any]) -> Distribution:
    """Turn columns of `drift` into a distribution."""
    return Distribution(
        n_rows=row["n_rows"],
        n_recordings=row["n_recordings"],
        mean=row["mean"],
        sd=row["sd"],
        quantiles=np.asarray(row["quantiles"]),
        resampled=np.asarray(row["resampled"], dtype=np.float64).reshape(-1, N_LEVELS),
    )


def _moves(now: Distribution, before: Rows, key: Mapping[str, str]) -> dict[str, Any]:
    """Hold a distribution against the first record of its catalog and the newest before it."""
    known = [row for row in before if all(row[name] == value for name, value in key.items())]
    found: dict[str, Any] = {"moved_from_first": False, "moved_from_last": False}
    if known:
        for name, then in (("first", from_columns(known[0])), ("last", from_columns(known[-1]))):
            far, by_chance = distance(then, now), threshold(then, now)
            found[f"distance_from_{name}"] = far
            found[f"threshold_from_{name}"] = by_chance
            found[f"moved_from_{name}"] = by_chance is not None and far > by_chance
    return found
