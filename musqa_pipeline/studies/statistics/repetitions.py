"""A metric over the repetitions of a training: its mean, its deviation, and Student's t tests.

They speak of the chance of split and training on one set of rows. That other rows, of other
recordings, might say otherwise is what the bootstrap over recordings covers.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from musqa_pipeline.studies.statistics.comparisons import (
    Comparison,
    one_sample_t,
    paired_t,
    unpaired_t,
)


@dataclass(frozen=True)
class Repeated:
    """One model's metric over its repetitions."""

    model: str
    metric: str
    values: tuple[float, ...]
    numbers: tuple[int, ...] = ()
    """Numbers of the repetitions, by which two models are paired; left out, they count from 0."""

    @property
    def by_number(self) -> dict[int, float]:
        """The values by the numbers of their repetitions."""
        return dict(zip(self.numbers or range(len(self.values)), self.values, strict=True))

    @property
    def mean(self) -> float:
        """Mean over repetitions."""
        return float(np.mean(self.values))

    @property
    def sd(self) -> float | None:
        """Deviation over repetitions, n - 1 in the denominator; None for one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


@dataclass(frozen=True)
class RepetitionTest:
    """The difference of two models in one metric, by both tests of means."""

    first: str
    second: str
    metric: str
    unpaired: Comparison | None
    """As paper 001 compares; None where one of the two has a single repetition."""
    paired: Comparison | None
    """Over the repetitions that both have, which share a split; None with fewer than two."""


def repetition_tests(
    found: Iterable[Repeated], models: Sequence[str], metrics: Collection[str]
) -> list[RepetitionTest]:
    """Test the differences of means over repetitions.

    Parameters
    ----------
    found : iterable of Repeated
    models : sequence of str
        Every two of them are compared, the earlier less the later.
    metrics : collection of str

    Returns
    -------
    list of RepetitionTest
        Of the models and metrics that were found, by pair.
    """
    values = {(each.model, each.metric): each for each in found}
    tests = []
    for a, b in itertools.combinations(models, 2):
        for metric in metrics:
            one, two = values.get((a, metric)), values.get((b, metric))
            if one is None or two is None:
                continue
            first, second = one.by_number, two.by_number
            both = sorted(first.keys() & second.keys())
            unpaired = paired = None
            if one.sd is not None and two.sd is not None:
                unpaired = unpaired_t(
                    *(one.mean, one.sd, len(one.values)), *(two.mean, two.sd, len(two.values))
                )
            if len(both) > 1:
                paired = paired_t([first[i] for i in both], [second[i] for i in both])
            tests.append(RepetitionTest(a, b, metric, unpaired, paired))
    return tests


def against_number(each: Repeated, expected: float) -> Comparison | None:
    """Test a mean over repetitions against a fixed number.

    Parameters
    ----------
    each : Repeated
    expected : float
        Such as one from the literature.

    Returns
    -------
    Comparison or None
        None for one repetition.
    """
    if each.sd is None:
        return None
    return one_sample_t(each.mean, each.sd, len(each.values), expected)
