"""The interval around a predicted quality: the model's own distribution, widened as calibrated.

The widths come from recordings that the model did not learn from (`docs/model_release.md`), by
split conformal prediction in the manner of conformalised quantile regression [1]_: what the
quantiles of the distribution lacked there is added here.

References
----------
.. [1] Y. Romano, E. Patterson, E. Candes, Conformalized Quantile Regression, NeurIPS 2019,
   arXiv:1905.03222.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHEST_QUALITY = 0.9333
"""ViSQOL gives a signal that equals its reference 4.7332; nothing is predicted above."""
LEVEL = 0.9
LARGEST = 1e6
"""Of a calibration's numbers: no width or distance is near, and sums of them stay finite."""


@dataclass(frozen=True)
class Bounds:
    """A predicted quality with its interval, in 0 to `HIGHEST_QUALITY`."""

    quality: float
    low: float | None
    high: float | None
    """None for a model without calibration."""


@dataclass(frozen=True)
class Calibration:
    """How far to go beyond the quantiles of a distribution, by predicted quality and distance."""

    level: float
    """Part of the recordings whose score lies within, 0.9."""
    knots_quality: tuple[float, ...]
    """Predicted qualities, rising, for which `low` and `high` stand."""
    low: tuple[float, ...]
    """Added below the 5 % quantile; negative where the distribution is too wide."""
    high: tuple[float, ...]
    """Added above the 95 % quantile."""
    distance_knots: tuple[float, ...]
    """Distances from the training data, rising, for which `distance_scale` stands."""
    distance_scale: tuple[float, ...]
    """Factor of `low` and `high`."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Calibration:
        """Read a calibration from a model file's metadata.

        Raise ValueError if a field is missing, not a number, too large, not rising or of another
        length than its knots.
        """
        try:
            values = {
                name: _numbers(record[name])
                for name in ("knots_quality", "low", "high", "distance_knots", "distance_scale")
            }
            (level,) = _numbers([record["level"]])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"calibration: {repr(error)[:100]} is missing or no number") from error
        for knots, curves in (
            ("knots_quality", ("low", "high")),
            ("distance_knots", ("distance_scale",)),
        ):
            at = values[knots]
            if not at or any(b <= a for a, b in itertools.pairwise(at)):
                raise ValueError(f"calibration: {knots}={list(at)}, expected rising numbers")
            for curve in curves:
                if len(values[curve]) != len(at):
                    raise ValueError(
                        f"calibration: {curve} has {len(values[curve])} values for {len(at)} knots"
                    )
        if not all(abs(v) <= LARGEST for row in values.values() for v in row):
            raise ValueError(f"calibration: a value is not finite, or beyond {LARGEST:g}")
        if not 0 < level < 1:
            raise ValueError(f"calibration: level={level}, expected a number between 0 and 1")
        return cls(level=level, **values)


def _numbers(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list | tuple) or any(isinstance(v, str | bool) for v in values):
        raise TypeError("a list of numbers")
    return tuple(float(value) for value in values)


def quantiles(
    probability: NDArray[np.floating], step_quality: NDArray[np.float64], level: float = LEVEL
) -> tuple[float, float]:
    """Return the two quantiles that enclose the middle of a distribution.

    Parameters
    ----------
    probability, step_quality : ndarray of float, shape (n,)
        Of each step of quality, which sums to 1; the steps, rising.
    level : float
        Part of the probability between them.

    Returns
    -------
    low, high : float
        Where the probability summed up to the middle of each step, and linear between the steps,
        reaches ``(1 - level) / 2`` and ``(1 + level) / 2``.
    """
    p = np.asarray(probability, dtype=np.float64)
    reached = np.cumsum(p) - p / 2
    low, high = np.interp([(1 - level) / 2, (1 + level) / 2], reached, step_quality)
    return float(low), float(high)


def bounds(
    probability: NDArray[np.floating],
    step_quality: NDArray[np.float64],
    distance: float,
    calibration: Calibration | None,
) -> Bounds:
    """Return the mean of a distribution and its calibrated interval, which holds the mean.

    `probability` and `step_quality` are those of `quantiles`, the distance is from the training
    data. All is cut to 0 and `HIGHEST_QUALITY`.
    """
    mean = float(np.sum(np.asarray(probability, np.float64) * step_quality))
    quality = min(max(mean, 0.0), HIGHEST_QUALITY)
    if calibration is None:
        return Bounds(quality, None, None)
    low, high = quantiles(probability, step_quality, calibration.level)
    scale = float(np.interp(distance, calibration.distance_knots, calibration.distance_scale))
    below = float(np.interp(mean, calibration.knots_quality, calibration.low)) * scale
    above = float(np.interp(mean, calibration.knots_quality, calibration.high)) * scale
    return Bounds(
        quality,
        min(max(min(mean, low - below), 0.0), HIGHEST_QUALITY),
        min(max(max(mean, high + above), 0.0), HIGHEST_QUALITY),
    )
