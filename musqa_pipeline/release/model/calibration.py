"""Intervals that hold: how far the truth lies beyond the quantiles of unmet recordings.

A model errs by a song: all that was made of one recording is off by about the same. So recordings
vote, not rows, and whoever is to be covered must not have been calibrated on. Split conformal
prediction in the manner of conformalised quantile regression [1]_, with widths that depend on the
predicted quality and grow with the distance from the training data:

1. widths by quality: at each of `KNOTS` the weighted 95 % quantile of what the truth lies below the
   low and above the high quantile of the distribution, over rows near by;
2. their factor by distance: what the rows of a part of the distances need, never falling with it;
3. one factor for all, by which nine in ten recordings' rows are covered, with the finite-sample
   correction (n + 1) / n.

References
----------
.. [1] Y. Romano, E. Patterson, E. Candes, Conformalized Quantile Regression, NeurIPS 2019,
   arXiv:1905.03222.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import unit_interval_hash
from musqa_pipeline.release.model.divisions import OR_NONE
from musqa_pipeline.scoring.intervals import HIGHEST_QUALITY, LEVEL, Calibration, quantiles

KNOTS = (0.1, 0.3, 0.5, 0.7, 0.85)
"""Predicted qualities."""
LEAST_WIDTH = 0.01
"""No width is below, so that a factor can widen it."""
DISTANCE_SHARES = (0.5, 0.9)
"""Shares of the weight that divide the distances into parts."""
LEAST_GROUPS = 5
"""Independent groups of recordings without which nothing can be calibrated."""
N_PARTS = 10
"""Parts of the groups, each of which is covered by a calibration on the others."""
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


def fit_calibration(evidence: Evidence) -> Calibration:
    """Fit the widths to recordings that the networks never met."""
    n_groups = len(np.unique(evidence.group))
    if n_groups < LEAST_GROUPS:
        raise StageError(
            f"release: {n_groups} groups of recordings to calibrate on, at least {LEAST_GROUPS} "
            "are needed; add recordings under terms that [release] licences names, "
            f"{OR_NONE}"
        )
    return _fitted(evidence)


def _fitted(evidence: Evidence) -> Calibration:
    n_groups = len(np.unique(evidence.group))
    tail = (1 + LEVEL) / 2
    shape = Calibration(
        level=LEVEL,
        knots_quality=KNOTS,
        low=_widths(evidence, evidence.low - evidence.quality, tail),
        high=_widths(evidence, evidence.quality - evidence.high, tail),
        distance_knots=(0.0,),
        distance_scale=(1.0,),
    )
    knots, scale = _by_distance(evidence, needed_factor(evidence, shape))
    shape = dataclasses.replace(shape, distance_knots=knots, distance_scale=scale)
    share = min(1.0, LEVEL * (n_groups + 1) / n_groups)
    factor = weighted_quantile(needed_factor(evidence, shape), evidence.weight, share)
    return dataclasses.replace(
        shape,
        low=tuple(factor * width for width in shape.low),
        high=tuple(factor * width for width in shape.high),
    )


def interval_ends(evidence: Evidence, calibration: Calibration) -> tuple[Floats, Floats]:
    """Return the ends of the intervals of all rows, as `intervals.bounds` gives them one by one."""
    below, above = _reach(evidence, calibration)
    low = np.minimum(evidence.mean, evidence.low - below)
    high = np.maximum(evidence.mean, evidence.high + above)
    return np.clip(low, 0, HIGHEST_QUALITY), np.clip(high, 0, HIGHEST_QUALITY)


def within(evidence: Evidence, low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Tell which labels lie between the ends of their intervals."""
    # An untouched reference is 0.93331, a last digit above the highest that is predicted.
    quality = np.clip(evidence.quality, 0, HIGHEST_QUALITY)
    return (low <= quality) & (quality <= high)


def cross_calibrated(evidence: Evidence) -> tuple[Floats, Floats]:
    """Give each recording the interval of a calibration on the other recordings."""
    names = np.unique(evidence.group)
    lots = {name: unit_interval_hash("release-calibration", str(name)) for name in names}
    ranks = {name: i for i, name in enumerate(sorted(names, key=lambda n: (lots[n], n)))}
    part = np.array([ranks[name] % N_PARTS for name in evidence.group])
    low, high = np.zeros(len(evidence)), np.zeros(len(evidence))
    for number in np.unique(part):
        inside = part == number
        calibration = _fitted(evidence.take(~inside))
        low[inside], high[inside] = interval_ends(evidence.take(inside), calibration)
    return low, high


def needed_factor(evidence: Evidence, calibration: Calibration) -> Floats:
    """Return by what the widths of each row would have to be multiplied to reach its label."""
    below, above = _reach(evidence, calibration)
    # What lies above the highest that is predicted counts as that, as in `within`.
    quality = np.clip(evidence.quality, 0, HIGHEST_QUALITY)
    lacking_low = np.where(quality < evidence.mean, evidence.low - quality, 0.0)
    lacking_high = np.where(quality > evidence.mean, quality - evidence.high, 0.0)
    return np.maximum(0.0, np.maximum(lacking_low / below, lacking_high / above))


def as_record(calibration: Calibration) -> Mapping[str, Any]:
    """Return the plain values that a model file keeps."""
    return {
        name: _short(value) if isinstance(value, float) else [_short(v) for v in value]
        for name, value in dataclasses.asdict(calibration).items()
    }


def _short(value: float) -> float:
    """Return a number with six digits, few enough to read and enough to tell knots apart."""
    return float(f"{value:.6g}")


def _reach(evidence: Evidence, calibration: Calibration) -> tuple[Floats, Floats]:
    scale = np.interp(evidence.distance, calibration.distance_knots, calibration.distance_scale)
    at = calibration.knots_quality
    below = np.interp(evidence.mean, at, calibration.low) * scale
    return below, np.interp(evidence.mean, at, calibration.high) * scale


def _widths(evidence: Evidence, lacking: Floats, share: float) -> tuple[float, ...]:
    """Return the weighted quantile of what is lacking around each knot, with linear weights."""
    widths = []
    for here in np.eye(len(KNOTS)):  # rows beyond the outer knots count as those at them
        weight = np.interp(evidence.mean, KNOTS, here) * evidence.weight
        widest = weighted_quantile(lacking, weight, share) if weight.sum() > 0 else LEAST_WIDTH
        widths.append(max(LEAST_WIDTH, widest))
    return tuple(widths)


def _by_distance(evidence: Evidence, factor: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return knots of the distance and the factor that is needed there, never falling."""
    weight = evidence.weight
    edges = [weighted_quantile(evidence.distance, weight, share) for share in DISTANCE_SHARES]
    part = np.searchsorted(np.unique(edges), evidence.distance, side="left")
    knots, needed, votes = [], [], []
    for number in np.unique(part):
        inside = part == number
        knots.append(weighted_quantile(evidence.distance[inside], weight[inside], 0.5))
        needed.append(weighted_quantile(factor[inside], weight[inside], LEVEL))
        votes.append(float(weight[inside].sum()))
    rising = isotonic_regression(np.maximum(needed, 0.1), weights=votes).x
    middle = float(np.average(rising, weights=votes))
    return tuple(knots), tuple((rising / middle).tolist())


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
