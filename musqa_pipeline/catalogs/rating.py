"""What listeners said of a track, where its catalog brings ratings along."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.names import short

RATING = ("mos", "mos_ci", "n_ratings")
"""Columns of `tracks.csv` and of lists: mean opinion, half the width of its 95 % interval, and of
how many ratings it is the mean. The scale is a setting of the labels."""


@dataclass(frozen=True)
class Rating:
    """The mean opinion of a track."""

    mos: float
    mos_ci: float | None = None
    """Half the width of the 95 % interval."""
    n_ratings: int | None = None


def read_rating(where: str, values: Mapping[str, str]) -> Rating | None:
    """Read `RATING` from text; None where a track has no mean opinion.

    Raises CatalogError, beginning with `where`, if a value is no number that it can be.
    """
    given = {name: values.get(name, "").strip() for name in RATING}
    if not any(given.values()):
        return None

    def number(name: str, least: float, expected: str) -> float | None:
        if not given[name] and name != "mos":
            return None
        try:
            value = float(given[name])
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= least):
            raise CatalogError(f"{where}: {name}={short(given[name])}: expected {expected}")
        return value

    mos = number("mos", -math.inf, "a number, the mean opinion")
    assert mos is not None
    n_ratings = number("n_ratings", 1, "a whole number, 1 or more, or nothing")
    if n_ratings is not None and n_ratings != int(n_ratings):
        raise CatalogError(
            f"{where}: n_ratings={short(given['n_ratings'])}: expected a whole number, 1 or more, "
            "or nothing"
        )
    half_width = number("mos_ci", 0, "half the width of an interval, 0 or more, or nothing")
    return Rating(mos, half_width, None if n_ratings is None else int(n_ratings))
