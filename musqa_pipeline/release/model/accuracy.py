"""How well a release predicts recordings that it never met, and how often its intervals hold."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.release.model.calibration import Evidence, Floats
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    interval,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.metrics import mae, pearson, rmse

N_DRAWS = 2_000
CONFIDENCE = 0.95
MOS_PER_QUALITY = 4.0
Ends = tuple[float, float] | tuple[None, None]
NO_ENDS = None, None
ASKED = {
    "out_of_fold": "out of fold (the recipe, trained without the recording)",
    "test": "test recordings",
    "left_out": "kept out for their terms",
    "copies": "darker copies of recordings, out of fold",
}
"""What is asked of a release, in words."""
UNMET = ("test", "left_out")
"""Of these, what the final network never met."""
FULL_BAND_TIERS = ("lossless",)
"""Tiers of recordings whose references hold all frequencies and were never coded."""
SUBSETS = {
    "uniform draw": pl.col("uniform_draw"),
    "natural mix": pl.col("natural_mix") & pl.col("trusted"),
    "full-band references, natural mix": pl.col("natural_mix")
    & pl.col("trusted")
    & pl.col("tier").is_in(FULL_BAND_TIERS),
}
QUALITY_EDGES_MOS = (1.0, 2.0, 3.0, 4.0, 5.0)
DISTANCE_EDGES = (0.0, 0.5, 0.75, 1.0)


def accuracy_rows(said: pl.DataFrame) -> list[dict[str, Any]]:
    """Measure a release on what it was asked."""
    rows = []
    for asked in sorted(said["asked"].unique(), key=list(ASKED).index):
        for subset, chosen in SUBSETS.items():
            part = said.filter(pl.col("asked") == asked, chosen)
            if part.height:
                rows.append({"asked": asked, "subset": subset, **_measured(part, asked, subset)})
    return rows


def mean_interval(values: NDArray[np.float64], *seed_key: str) -> Ends:
    """Return the interval of the mean of values, one of each group of recordings."""
    n = len(values)
    if n < MIN_RECORDINGS:
        return NO_ENDS
    counts = recording_counts(n, N_DRAWS, "release", *seed_key)
    return interval(counts @ values / n, CONFIDENCE) or NO_ENDS


def voted_share(true: NDArray[np.bool_], group: NDArray[np.str_], *seed_key: str) -> dict[str, Any]:
    """Return how often something is so, each group of recordings having one vote."""
    names, index = np.unique(group, return_inverse=True)
    shares = np.bincount(index, weights=true) / np.bincount(index)
    low, high = mean_interval(shares, *seed_key)
    counts = {"n_recordings": len(names), "n_rows": len(true)}
    return {"share": float(shares.mean()), "low": low, "high": high, **counts}


def _measured(part: pl.DataFrame, *seed_key: str) -> dict[str, Any]:
    label, predicted = part["label"].to_numpy() / 100, part["predicted"].to_numpy() / 100
    names, index = np.unique(part["split_group"].to_numpy().astype(str), return_inverse=True)
    found: dict[str, Any] = {"n_recordings": len(names), "n_rows": part.height}
    draws = {}
    if len(names) >= MIN_RECORDINGS:
        counts = recording_counts(len(names), N_DRAWS, "release", *seed_key)
        draws = resampled_metrics(label, predicted, index, counts, ranks=False)
    for metric in (pearson, rmse, mae):
        name, scale = metric.__name__, 1.0 if metric is pearson else MOS_PER_QUALITY
        value = metric(label, predicted)
        low, high = (draws and interval(draws[name] * scale, CONFIDENCE)) or NO_ENDS
        scaled = None if value is None else value * scale
        found |= {name: scaled, f"{name}_low": low, f"{name}_high": high}
    return found


def coverage_of(
    evidence: Evidence, covered: NDArray[np.bool_], width: Floats, *seed_key: str
) -> dict[str, Any]:
    """Measure coverage."""

    def measured(chosen: NDArray[np.bool_], what: str) -> dict[str, Any]:
        width_mos = MOS_PER_QUALITY * np.average(width[chosen], weights=evidence.weight[chosen])
        return {
            "what": what,
            **voted_share(covered[chosen], evidence.group[chosen], *seed_key, what),
            "half_width_mos": float(width_mos) / 2,
        }

    def parts(values: Floats, edges: tuple[float, ...], what: str) -> list[dict[str, Any]]:
        chosen = {
            f"{what} {low:g}-{high:g}": (low <= values) & (values < high)
            for low, high in itertools.pairwise(edges)
        }
        return [measured(inside, name) for name, inside in chosen.items() if inside.any()]

    mos = 1 + MOS_PER_QUALITY * evidence.mean
    return {
        **measured(np.ones(len(evidence), np.bool_), "all"),
        "by_quality": parts(mos, QUALITY_EDGES_MOS, "predicted"),
        "by_distance": parts(evidence.distance, DISTANCE_EDGES, "distance"),
    }
