"""The baselines by name: how each is fitted, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Predictor(Protocol):
    """A fitted baseline."""

    def predict(self, rows: pl.DataFrame) -> NDArray[np.float64]:
        """Predict rows, in the unit of the labels."""
        ...


@dataclass(frozen=True)
class BaselineEntry:
    """One baseline."""

    title: str
    """What a report calls it."""
    fit: Callable[[pl.DataFrame, int], Predictor]
    """Takes training rows, as `evaluation.rows.read_rows` gives them, and a seed."""


def _fit_mean(rows: pl.DataFrame, seed: int) -> Predictor:
    from musqa_pipeline.learning.baselines.simple import fit_mean

    return fit_mean(rows)


def _fit_upper_edge(rows: pl.DataFrame, seed: int) -> Predictor:
    from musqa_pipeline.learning.baselines.simple import fit_upper_edge

    return fit_upper_edge(rows)


def _fit_boosted(rows: pl.DataFrame, seed: int) -> Predictor:
    from musqa_pipeline.learning.baselines.boosted import fit_boosted

    return fit_boosted(rows, seed=seed)


def _fit_oracle(rows: pl.DataFrame, seed: int) -> Predictor:
    from musqa_pipeline.learning.baselines.oracle import fit_oracle

    return fit_oracle(rows)


BASELINES: dict[str, BaselineEntry] = {
    "mean": BaselineEntry("mean label", _fit_mean),
    "upper_edge": BaselineEntry("band edge", _fit_upper_edge),
    "boosted": BaselineEntry("boosted features", _fit_boosted),
    "oracle": BaselineEntry("oracle: process, not song", _fit_oracle),
}
"""In the order in which reports list them."""
