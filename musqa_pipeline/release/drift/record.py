"""Records of how labels and what describes the music are distributed, and how far they moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.clock import utc_now
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows, read_seen_tracks
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import next_number, read_records, write_record
from musqa_pipeline.stages.spectrograms.features.rows import read_rows
from musqa_pipeline.stages.views.drift_table import DRIFT
from musqa_pipeline.studies.statistics.distribution_distance import (
    N_LEVELS,
    Distribution,
    distance,
    distribution_of,
    threshold,
)

Rows = Sequence[Mapping[str, Any]]
_NAMED = 5


@dataclass(frozen=True)
class Variable:
    """One variable: where it comes from and what a page calls it."""

    name: str
    title: str
    unit: str
    of: str
    """labels (every labelled row), tracks, or rows (those of the dataset)."""
    column: str


VARIABLES = (
    Variable("mos", "label of all degraded excerpts", "MOS", "labels", "mos"),
    Variable(
        "track_upper_edge_hz", "upper edge of the track’s spectrum", "Hz", "tracks", "upper_edge_hz"
    ),
    Variable("track_loudness_lufs", "loudness of the track", "LUFS", "tracks", "loudness_lufs"),
    Variable(
        "track_true_peak_dbtp", "true peak of the track", "dBTP", "tracks", "true_peak_dbtp"
    ),
    Variable(
        "track_phase_correlation", "correlation of left and right", "", "tracks",
        "phase_correlation",
    ),
    Variable("track_duration_s", "duration of the track", "s", "tracks", "duration_s"),
    Variable("row_upper_edge_hz", "upper edge of a chosen excerpt", "Hz", "rows", "upper_edge_hz"),
    Variable(
        "row_level_500_1500_hz_db", "its level at 0.5 to 1.5 kHz", "dB", "rows",
        "range_500_1500_hz_db",
    ),
    Variable(
        "row_level_3500_5000_hz_db", "its level at 3.5 to 5 kHz", "dB", "rows",
        "range_3500_5000_hz_db",
    ),
    Variable(
        "row_level_12000_15000_hz_db", "its level at 12 to 15 kHz", "dB", "rows",
        "range_12000_15000_hz_db",
    ),
)  # fmt: skip
"""In the order of the page."""


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
        **vars(found),
        "quantiles": found.quantiles.tolist(),
        "resampled": found.resampled.astype(np.float32).ravel().tolist(),
    }


def from_columns(row: Mapping[str, Any]) -> Distribution:
    """Turn columns of `drift` into a distribution."""
    return Distribution(
        **{name: row[name] for name in ("n_rows", "n_recordings", "mean", "sd")},
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


def check_drift(context: Context) -> CheckResult:
    """Check that no distribution of a known catalog moved by more than chance since last time."""
    rows = read_drift(context)
    newest = [row for row in rows if row["number"] == rows[-1]["number"]]
    moved = [r for r in newest if r["moved_from_last"]]
    named = ", ".join(f"{r['variable']} of {r['seen_catalog']}" for r in moved[:_NAMED])
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    claim = "no distribution of a known catalog moved by more than chance since the record before"
    if moved:
        claim = f"{named}{more} moved since the record before"
    return CheckResult(
        passed=not moved,
        claim=claim,
        numbers={
            "records": rows[-1]["number"] if rows else 0,
            "variables": len(newest),
            "moved_from_last": len(moved),
            "moved_from_first": sum(r["moved_from_first"] for r in newest),
        },
    )


ALL_CATALOGS = "*"

_READERS: dict[str, Callable[[Context], pl.DataFrame]] = {
    "labels": read_labelled_rows,
    "tracks": read_seen_tracks,
    "rows": read_rows,
}


def read_variables(context: Context) -> Iterator[tuple[Variable, str, pl.DataFrame]]:
    """Read every variable of every catalog."""
    for kind, read in _READERS.items():
        frame = read(context)
        for variable in (v for v in VARIABLES if v.of == kind):
            value = pl.col(variable.column).cast(pl.Float64)
            values = frame.sort("catalog").select("catalog", "recording", value=value)
            parts = values.partition_by("catalog", as_dict=True, maintain_order=True)
            for (name,), part in parts.items():
                yield variable, str(name), part
            if len(parts) > 1:
                yield variable, ALL_CATALOGS, values
