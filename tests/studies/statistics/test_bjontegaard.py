"""Bjontegaard's delta rate: analytic cases, an independent package, and what cannot be compared."""

import bjontegaard
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.studies.statistics.bjontegaard import CurveError, bd_rate, efficient

RATES_KBPS = np.array([24.0, 32, 48, 64, 96, 128, 192, 256])


def saturating(rates_kbps, *, scale_kbps=60.0):
    return 1.0 + 3.73 * (1.0 - np.exp(-rates_kbps / scale_kbps))


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.25, 3.0])
def test_a_codec_that_needs_a_factor_more_gives_that_factor(factor):
    mos = saturating(RATES_KBPS)
    found = bd_rate(RATES_KBPS, mos, factor * RATES_KBPS, mos)
    assert found.percent == pytest.approx(100 * (factor - 1), abs=1e-9)
    assert (found.mos_low, found.mos_high) == (mos[0], mos[-1])


def test_lines_over_the_logarithm_give_the_mean_of_the_ends():
    # MOS = log2(rate) - 3 against MOS = (log2(rate) - 3) / 2 + 1: at MOS q the rates are 2^(q + 3)
    # and 2^(2q + 1), so that the mean of log2 of their ratio over q in [2, 4] is 3 - 2 = 1.
    first, second = np.array([2.0, 3, 4, 5]), np.array([2.0, 2.5, 3, 4])
    found = bd_rate(2 ** (first + 3), first, 2 ** (2 * second + 1), second)
    assert (found.mos_low, found.mos_high) == (2, 4)
    assert found.overlap_frac == 1.0  # of the narrower one
    assert found.percent == pytest.approx(100.0, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(0.05, 0.6), min_size=8, max_size=16),
    st.lists(st.floats(0.05, 0.6), min_size=8, max_size=16),
    st.lists(st.floats(1.1, 1.6), min_size=16, max_size=16),
)
def test_it_agrees_with_the_package_of_the_bjontegaard_bible(gains, others, ratios):
    mos, other_mos = 1 + np.cumsum(gains), 1.2 + np.cumsum(others)
    kbps = 16 * np.cumprod(ratios[: len(mos)])
    other_kbps = 20 * np.cumprod(ratios[::-1][: len(other_mos)])
    if min(mos[-1], other_mos[-1]) <= max(mos[0], other_mos[0]):
        return
    oracle = bjontegaard.bd_rate(
        *(kbps, mos, other_kbps, other_mos),
        method="pchip",
        require_matching_points=False,
        min_overlap=0,
    )
    assert bd_rate(kbps, mos, other_kbps, other_mos).percent == pytest.approx(
        oracle, rel=1e-9, abs=1e-6
    )


def test_the_overlap_is_a_part_of_the_narrower_curve():
    mos = np.array([2.0, 2.5, 3.0, 4.0])
    found = bd_rate(RATES_KBPS[:4], mos, RATES_KBPS[:4], mos + 1.5)
    assert (found.mos_low, found.mos_high, found.overlap_frac) == (3.5, 4.0, 0.25)


def test_points_that_a_cheaper_one_equals_are_left_out():
    kbps, mos = efficient([64, 24, 48, 32, 96], [3.4, 2.0, 3.5, 3.0, 4.0])
    assert kbps.tolist() == [24, 32, 48, 96]
    assert mos.tolist() == [2.0, 3.0, 3.5, 4.0]


def test_of_two_points_at_one_rate_the_better_counts():
    assert [side.tolist() for side in efficient([32, 32], [2.0, 2.5])] == [[32], [2.5]]


def test_curves_that_do_not_overlap_are_refused():
    mos = np.array([1.0, 1.5, 1.8, 2.0])
    with pytest.raises(CurveError, match=r"do not overlap \(MOS 1.00 to 2.00 and 3.00 to 4.00\)"):
        bd_rate(RATES_KBPS[:4], mos, RATES_KBPS[:4], mos + 2)


def test_too_few_points_are_refused():
    mos = saturating(RATES_KBPS)
    with pytest.raises(CurveError, match="the second curve has 3 points where quality rises"):
        bd_rate(RATES_KBPS, mos, [24, 32, 48, 64], [2.0, 3.0, 3.0, 4.0])
