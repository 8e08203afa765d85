"""Rank correlations with p and interval: as SciPy has them, and as copied rows give them."""

import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.studies.statistics.bootstrap import estimate
from musqa_pipeline.studies.statistics.metrics import spearman
from musqa_pipeline.studies.statistics.rank_correlation import RankCorrelation, rank_correlation

CHANCE = np.random.default_rng(1)
FIRST = CHANCE.standard_normal(60)
SECOND = FIRST + 2 * CHANCE.standard_normal(60)
WHOSE = np.repeat(list("abcdef"), 10)


def test_a_correlation_has_its_p_and_its_interval_over_recordings():
    found, expected = rank_correlation(FIRST, SECOND, WHOSE, "x"), stats.spearmanr(FIRST, SECOND)
    assert found.value == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    slow = estimate(spearman, FIRST, SECOND, WHOSE, "x")
    assert (found.low, found.high, found.n_recordings) == pytest.approx((slow.low, slow.high, 6))
    assert found != rank_correlation(FIRST, SECOND, WHOSE, "y")


def test_what_is_not_known_is_none():
    two = rank_correlation(FIRST[:20], SECOND[:20], WHOSE[:20], "x")
    assert (two.low, two.high, two.n_recordings) == (None, None, 2)
    assert rank_correlation(FIRST[:2], FIRST[:2], WHOSE[:2], "x").p is None
    flat = rank_correlation(FIRST, np.ones(60), WHOSE, "x")
    assert flat == RankCorrelation(None, None, None, 6, None)
    assert rank_correlation([], [], [], "x") == RankCorrelation(None, None, None, 0, None)
