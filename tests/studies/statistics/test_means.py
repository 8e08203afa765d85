import itertools

import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.studies.statistics.comparisons import one_sample_t, paired_t, unpaired_t

# Paper 001, section IV: mean, SD as tables V and VI print them, the p-value of its text, the
# rounding of a table and of a p-value.
PAPER = {
    "table V, correlation, VGG19 to 1D": ((0.875, 0.038), (0.701, 0.075), 9.7e-9, 5e-4, 0.05e-9),
    "table V, RMSE, VGG19 to 1D": ((11.75, 1.66), (18.80, 2.29), 2.2e-10, 5e-3, 0.05e-10),
    "table V, RMSE, Inception to 1D": ((12.97, 3.09), (18.80, 2.29), 2.6e-6, 5e-3, 0.05e-6),
    "table VI, correlation, VGG19 to 1D": ((0.893, 0.036), (0.814, 0.056), 9.3e-5, 5e-4, 0.05e-5),
    "table VI, RMSE, VGG19 to 1D": ((16.96, 1.83), (20.69, 2.00), 1.1e-5, 5e-3, 0.05e-5),
}
N = 15


def p_values(first, second, rounding, test):
    """What the p-value may be when the four printed numbers are rounded."""
    corners = itertools.product((-rounding, rounding), repeat=4)
    return [
        test(first[0] + a, first[1] + b, N, second[0] + c, second[1] + d, N)
        for a, b, c, d in corners
    ]


@pytest.mark.parametrize("case", PAPER.values(), ids=PAPER)
def test_the_unpaired_test_gives_the_p_values_that_paper_001_prints(case):
    first, second, printed, rounding, slack = case
    found = p_values(first, second, rounding, lambda *x: unpaired_t(*x).p_value)
    assert min(found) - slack <= printed <= max(found) + slack


def test_without_pooling_the_papers_first_p_value_would_not_come_out():
    def welch(*numbers):
        return stats.ttest_ind_from_stats(*numbers, equal_var=False).pvalue

    first, second, printed, rounding, _ = PAPER["table V, correlation, VGG19 to 1D"]
    assert min(p_values(first, second, rounding, welch)) > 5 * printed


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((0.875, 0.038), (0.847, 0.076)),  # table V: correlation, then RMSE
        ((11.75, 1.66), (12.97, 3.09)),
        ((0.893, 0.036), (0.857, 0.098)),  # table VI, Inception to either
        ((0.857, 0.098), (0.814, 0.056)),
        ((16.96, 1.83), (18.60, 4.26)),
        ((18.60, 4.26), (20.69, 2.00)),
    ],
)
def test_what_the_paper_calls_not_significant_is_not(first, second):
    assert unpaired_t(*first, N, *second, N).p_value > 0.05


def test_the_one_sample_test_gives_the_papers_p_value_against_the_literature():
    found = [
        one_sample_t(0.893 + a, 0.036 + b, N, 0.834).p_value
        for a, b in itertools.product((-5e-4, 5e-4), repeat=2)
    ]
    assert min(found) < 2.09e-5 < max(found)


def test_all_three_equal_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 1, 9), rng.normal(2, 2, 9)
    paired, oracle = paired_t(a, b), stats.ttest_rel(a, b)
    assert (paired.statistic, paired.p_value) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert paired.degrees_of_freedom == (8,)
    assert paired.difference == pytest.approx(a.mean() - b.mean())
    numbers = (a.mean(), a.std(ddof=1), 9, b[:5].mean(), b[:5].std(ddof=1), 5)
    two, oracle = unpaired_t(*numbers), stats.ttest_ind(a, b[:5])
    assert (two.statistic, two.p_value) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert two.degrees_of_freedom == (12,)
    one, oracle = one_sample_t(a.mean(), a.std(ddof=1), 9, 2.5), stats.ttest_1samp(a, 2.5)
    assert (one.statistic, one.p_value) == pytest.approx((oracle.statistic, oracle.pvalue))


def test_pairing_sees_through_what_repetitions_share():
    rng = np.random.default_rng(1)
    shared = rng.normal(0.85, 0.05, 15)  # an easy and a hard split
    first, second = shared + 0.01, shared + rng.normal(0, 0.004, 15)
    numbers = [f(x) for x in (first, second) for f in (np.mean, lambda x: np.std(x, ddof=1), len)]
    assert paired_t(first, second).p_value < 1e-4
    assert unpaired_t(*numbers).p_value > 0.3


def test_without_spread_a_difference_is_certain_and_none_is_none():
    assert paired_t([2, 3], [1, 2]).p_value == 0.0
    assert paired_t([1, 2], [1, 2]).p_value == 1.0


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(ValueError, match=r"n=1, sd=0.1: expected two or more values"):
        unpaired_t(1.0, 0.1, 1, 2.0, 0.1, 5)
    with pytest.raises(ValueError, match=r"n=5, sd=-1: expected two or more values and a dev"):
        one_sample_t(1.0, -1, 5, 0.0)
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\): expected two or more pairs"):
        paired_t([1, 2], [1, 2, 3])
