"""The metrics of the table `evaluations`; what they are is in `studies.statistics`."""

from __future__ import annotations

from collections.abc import Callable

from numpy.typing import ArrayLike

from musqa_pipeline.studies.statistics.metrics import mae, pearson, r2, rmse, spearman

METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float | None]] = {
    "pearson": pearson,
    "spearman": spearman,
    "rmse": rmse,
    "mae": mae,
    "r2": r2,
}
"""By name, in the order of the table."""
