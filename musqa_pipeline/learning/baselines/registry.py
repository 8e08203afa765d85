"""The baselines by name: how each is fitted, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import polars as pl
from numpy.typing import NDArray

Predictor = Callable[[pl.DataFrame], NDArray[np.float64]]
"""A fitted baseline: predicts rows, in the unit of the labels."""


@dataclass(frozen=True)
class BaselineEntry:
    """One baseline."""

    title: str
    """What a report calls it."""
    module: str
    """Of this package; it, and scikit-learn, are imported when it is fitted."""
    name: str
    """Of its function."""

    def fit(self, rows: pl.DataFrame, seed: int) -> Predictor:
        """Fit the baseline.

        Parameters
        ----------
        rows : polars.DataFrame
            Training rows, as `evaluation.rows.read_rows` gives them, with their `label`.
        seed : int
            Decides where anything is drawn.

        Returns
        -------
        callable
            Predicts other such rows.

        Raises
        ------
        StageError
            If there are no rows to fit on.
        """
        module = import_module(f"musqa_pipeline.learning.baselines.{self.module}")
        predictor: Predictor = getattr(module, self.name)(rows, seed)
        return predictor


BASELINES: dict[str, BaselineEntry] = {
    "mean": BaselineEntry("mean label", "simple", "fit_mean"),
    "upper_edge": BaselineEntry("band edge", "simple", "fit_upper_edge"),
    "boosted": BaselineEntry("boosted features", "simple", "fit_boosted"),
    "oracle": BaselineEntry("oracle: process, not song", "oracle", "fit_oracle"),
}
"""In the order in which reports list them."""
