"""Predictions of unmet recordings beside their labels: what calibration and accuracy rest on.

Every recording has one vote, however many rows it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.scoring.intervals import LEVEL, quantiles

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Rows with what the model said of them; arrays of one length."""

    group: NDArray[np.str_]
    """Independent group of recordings: each has one vote."""
    quality: Floats
    """Label, 0-1."""
    mean: Floats
    low: Floats
    high: Floats
    """Mean of the predicted distribution, and its 5 % and 95 % quantiles."""
    distance: Floats
    """From the training data; 1.0 is where the scorer abstains."""

    def __len__(self) -> int:
        return len(self.quality)

    @property
    def weight(self) -> Floats:
        """Votes of the rows; those of a group sum to 1."""
        return vote_weights(self.group.tolist())

    def take(self, chosen: NDArray[np.bool_]) -> Evidence:
        """Return the rows of a mask."""
        return Evidence(**{name: values[chosen] for name, values in vars(self).items()})


def evidence_of(
    rows: pl.DataFrame, step_quality: Floats, distance: NDArray[np.floating]
) -> Evidence:
    """Gather the evidence of rows."""
    probability = np.array(rows["probability"].to_list(), np.float64)
    ends = np.array([quantiles(row, step_quality, LEVEL) for row in probability]).reshape(-1, 2)
    return Evidence(
        group=rows["split_group"].to_numpy().astype(str),
        quality=rows["label"].to_numpy() / 100,
        mean=probability @ step_quality,
        low=ends[:, 0],
        high=ends[:, 1],
        distance=np.asarray(distance, np.float64),
    )


def vote_weights(recordings: Sequence[str]) -> NDArray[np.float64]:
    """Return the weight of each row, so that the rows of a recording sum to 1."""
    _, index, counts = np.unique(
        np.asarray(recordings, dtype=str), return_inverse=True, return_counts=True
    )
    return np.asarray(1.0 / counts[index], np.float64)


def weighted_quantile(
    values: NDArray[np.floating], weight: NDArray[np.floating], share: float
) -> float:
    """Return the least value that has a share of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(np.asarray(weight, np.float64)[order])
    index = int(np.searchsorted(reached, share * reached[-1] * (1 - 1e-12)))
    return float(np.asarray(values)[order][min(index, len(order) - 1)])
