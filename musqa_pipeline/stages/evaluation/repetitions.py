"""One model's repetitions on the same rows: means, and resamples that all of them meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    Floats,
    interval,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.metrics import mae, pearson, r2, rmse, spearman

METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float | None]] = {
    "pearson": pearson,
    "spearman": spearman,
    "rmse": rmse,
    "mae": mae,
    "r2": r2,
}
"""The metrics of the table `evaluations`, in its order."""


def repetitions_of(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Divide one model's rows into its repetitions."""
    return [part for _, part in rows.group_by("repetition", maintain_order=True)]


def estimates_of(repetitions: Sequence[pl.DataFrame], metric: str) -> list[float | None]:
    """Compute a metric of every repetition; None where it is not defined."""
    return [
        METRICS[metric](rows["label"].to_numpy(), rows["predicted"].to_numpy())
        for rows in repetitions
    ]


def mean_of(estimates: Sequence[float | None]) -> float | None:
    """Average over repetitions; None where one of them is not defined."""
    known = [value for value in estimates if value is not None]
    return float(np.mean(known)) if known and len(known) == len(estimates) else None


def ends_of(draws: Floats | None, confidence: float) -> dict[str, float | None]:
    """Return the ends of a resampled metric's interval as `low` and `high`, None if not known."""
    low, high = (None if draws is None else interval(draws, confidence)) or (None, None)
    return {"low": low, "high": high}


def resamples_of(
    repetitions: Sequence[pl.DataFrame],
    settings: EvaluationSettings,
    *key: str,
    ranks: bool = True,
) -> dict[str, Floats] | None:
    """Metrics of every resample, means over repetitions; None with too few recordings.

    All repetitions meet the same resamples, so that the interval is over recordings and the mean
    takes the chance of training out. Without `ranks` Spearman's coefficient is left out.
    """
    found: list[dict[str, Floats]] = []
    for rows in repetitions:
        names, index = np.unique(rows["recording"].to_numpy().astype(str), return_inverse=True)
        if len(names) < MIN_RECORDINGS:
            return None
        counts = recording_counts(len(names), settings.n_bootstrap, settings.seed, *key)
        found.append(
            resampled_metrics(rows["label"], rows["predicted"], index, counts, ranks=ranks)
        )
    return {metric: np.mean([r[metric] for r in found], axis=0) for metric in found[0]}
