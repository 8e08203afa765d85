"""Is a new model not worse by more than a margin? A paired bootstrap over recordings decides.

The hypothesis to be rejected is that the new model errs by `margin_points` or more beyond the
champion (non-inferiority [1]_). It is rejected where the upper end of the one-sided interval of
the difference of RMSE lies below the margin. Both models meet the same rows and the same resamples,
and whole recordings are drawn.

References
----------
.. [1] E. Lesaffre, Superiority, equivalence, and non-inferiority trials, Bulletin of the NYU
   Hospital for Joint Diseases 66 (2), 2008, pages 150-154.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from musqa_pipeline.core.settings.evaluation import PromotionSettings
from musqa_pipeline.studies.statistics.bootstrap import (
    MIN_RECORDINGS,
    interval,
    recording_counts,
    resampled_metrics,
)
from musqa_pipeline.studies.statistics.metrics import rmse


@dataclass(frozen=True)
class Comparison:
    """The errors of two models on the same rows, and what may be said of their difference."""

    rmse_points: float
    champion_rmse_points: float
    upper_points: float | None
    """Upper end of the one-sided interval; None with fewer than three recordings."""
    margin_points: float
    n_recordings: int

    @property
    def difference_points(self) -> float:
        """New less champion."""
        return self.rmse_points - self.champion_rmse_points

    @property
    def not_worse(self) -> bool:
        """Whether the new model is shown not to be worse by the margin."""
        return self.upper_points is not None and self.upper_points < self.margin_points

    @property
    def reason(self) -> str:
        """The decision's ground, in a sentence."""
        found = f"RMSE {self.difference_points:+.2f} points against the champion"
        if self.upper_points is None:
            return f"{found}, but {self.n_recordings} recordings are too few for an interval"
        told = "below" if self.not_worse else "not below"
        margin = f"{self.margin_points:g}"
        return f"{found}, at most {self.upper_points:+.2f}: {told} the margin of {margin}"


def compare(rows: pl.DataFrame, settings: PromotionSettings) -> Comparison:
    """Hold a new model against the champion."""
    label, new, champion = (rows[name].to_numpy() for name in ("label", "new", "champion"))
    names, index = np.unique(rows["recording"].to_numpy().astype(str), return_inverse=True)
    ends = None
    if len(names) >= MIN_RECORDINGS:
        counts = recording_counts(len(names), settings.n_bootstrap, "promotion", settings.seed)
        errors = [
            resampled_metrics(label, side, index, counts, ranks=False)["rmse"]
            for side in (new, champion)
        ]
        # The upper end of a two-sided interval that leaves the same share above it.
        ends = interval(errors[0] - errors[1], 2 * settings.confidence - 1)
    return Comparison(
        rmse_of(label, new),
        rmse_of(label, champion),
        ends[1] if ends else None,
        settings.margin_points,
        len(names),
    )


def rmse_of(label: np.ndarray, predicted: np.ndarray) -> float:
    """Return the RMSE in the unit of the labels; no row is a ValueError."""
    value = rmse(label, predicted)
    if value is None:
        raise ValueError("RMSE of no rows: expected at least one")
    return value
