import math

import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.studies.listening.pmqd_paper import PAPER
from musqa_pipeline.studies.statistics.intervals import (
    correlation_interval,
    correlation_p_value,
    fisher_mean,
    fisher_z,
    mean_interval,
    rmse_interval,
)
from musqa_pipeline.studies.statistics.metrics import kendall, pearson, spearman


def test_the_interval_of_pearsons_is_scipys():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, 25)
    y = x + rng.normal(0, 1, 25)
    oracle = stats.pearsonr(x, y)
    for confidence in (0.8, 0.95):
        assert correlation_interval(oracle.statistic, 25, confidence=confidence) == pytest.approx(
            oracle.confidence_interval(confidence)
        )


@pytest.mark.parametrize(
    ("kind", "metric", "truth"),
    [
        ("pearson", pearson, 0.7),
        ("spearman", spearman, 6 / math.pi * math.asin(0.35)),
        ("kendall", kendall, 2 / math.pi * math.asin(0.7)),
    ],
)
def test_intervals_of_correlations_cover_the_truth_as_often_as_they_say(kind, metric, truth):
    # A binormal correlation of 0.7 is these in the population (M. G. Kendall, Rank Correlation
    # Methods, 1970, chapter 9).
    rng = np.random.default_rng(3)
    n, n_samples = 40, 400
    x = rng.normal(0, 1, (n_samples, n))
    y = 0.7 * x + math.sqrt(1 - 0.49) * rng.normal(0, 1, (n_samples, n))
    ends = [correlation_interval(metric(*pair), n, kind=kind) for pair in zip(x, y, strict=True)]
    covered = np.mean([low <= truth <= high for low, high in ends])
    assert 0.92 <= covered <= 0.98


def test_an_interval_of_an_rmse_ends_where_the_observed_one_is_at_the_tail():
    low, high = rmse_interval(3.0, 20, n_fitted=4)
    assert stats.chi2.cdf(16 * (3.0 / high) ** 2, 16) == pytest.approx(0.025)
    assert stats.chi2.sf(16 * (3.0 / low) ** 2, 16) == pytest.approx(0.025)


def test_intervals_of_rmses_cover_the_truth_as_often_as_they_say():
    errors = np.random.default_rng(4).normal(0, 7.0, (500, 15))
    ends = [rmse_interval(float(np.sqrt(np.mean(e**2))), 15) for e in errors]
    assert 0.92 <= np.mean([low <= 7.0 <= high for low, high in ends]) <= 0.98


def test_the_interval_of_a_mean_is_scipys():
    values = np.random.default_rng(5).normal(60, 20, 17)
    mean, ends = mean_interval(values)
    assert mean == pytest.approx(values.mean())
    assert ends == pytest.approx(stats.ttest_1samp(values, 0).confidence_interval(0.95))
    assert mean_interval([4.0]) == (4.0, None)


def test_correlations_are_averaged_on_fishers_scale():
    assert fisher_mean([0.5, 0.5]) == pytest.approx(0.5)
    assert fisher_mean([0.2, 0.9]) == pytest.approx(
        math.tanh((math.atanh(0.2) + math.atanh(0.9)) / 2)
    )
    assert fisher_mean([0.2, 0.9]) > 0.55  # the plain mean is biased towards 0
    assert fisher_mean([-0.2, -0.9]) == pytest.approx(-fisher_mean([0.2, 0.9]))
    assert fisher_mean([0.2, 0.9], weights=[3, 0]) == pytest.approx(0.2)


def test_the_average_lies_above_the_truth_by_what_theory_says_and_the_plain_mean_below():
    rng = np.random.default_rng(6)
    n, truth = 20, 0.8
    x = rng.normal(0, 1, (4000, n))
    y = truth * x + 0.6 * rng.normal(0, 1, (4000, n))
    found = [pearson(*pair) for pair in zip(x, y, strict=True)]
    bias = truth * (1 - truth**2) / (2 * (n - 1))
    assert fisher_mean(found) - truth == pytest.approx(bias, abs=0.004)
    assert np.mean(found) - truth == pytest.approx(-bias, abs=0.004)


def test_a_perfect_correlation_has_a_finite_transform():
    assert np.isfinite(fisher_z([1.0, -1.0])).all()
    low, high = correlation_interval(1.0, 30)
    assert low == pytest.approx(1.0, abs=1e-6)
    assert high == pytest.approx(1.0)


def test_too_few_rows_have_no_interval():
    assert correlation_interval(0.5, 3) is None
    assert correlation_interval(0.5, 4) is not None
    assert correlation_interval(0.5, 4, kind="kendall") is None
    assert rmse_interval(1.0, 4, n_fitted=4) is None


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"coefficient=1.5: expected correlations in \[-1, 1\]"):
        fisher_z(1.5)
    with pytest.raises(ValueError, match="no coefficients: expected one or more to average"):
        fisher_mean([])
    with pytest.raises(ValueError, match="no values: expected one or more to average"):
        mean_interval([])


@pytest.mark.parametrize(
    ("subset", "spearman", "n_rows", "p_value"),
    [
        ("Acoustic", 0.426, 75, 1.400e-4),
        ("Blues", 0.450, 74, 5.657e-5),
        ("Classical", 0.259, 75, 2.468e-2),
        ("Country", 0.567, 75, 1.110e-7),
        ("Electronica & Dance", 0.221, 75, 5.662e-2),
        ("Funk", 0.677, 75, 2.664e-11),
        ("Hip Hop", 0.516, 75, 2.123e-6),
        ("Jazz", 0.469, 75, 2.166e-5),
        ("Latin", 0.488, 74, 1.031e-5),
        ("Pop", 0.591, 75, 2.321e-8),
        ("Reggae", 0.520, 75, 1.752e-6),
        ("Rnb & Soul", 0.519, 75, 1.871e-6),
        ("Rock", 0.304, 75, 7.909e-3),
        ("distortion", 0.349, 195, 5.937e-7),
        ("limiter", 0.120, 195, 9.380e-2),
        ("lowpass", 0.222, 195, 1.830e-3),
        ("noise", 0.359, 195, 2.638e-7),
        ("all", 0.426, 975, 3.225e-44),
    ],
)
def test_p_values_of_correlations_are_those_of_paper_000s_table_2(
    subset, spearman, n_rows, p_value
):
    assert PAPER["D"][subset] == spearman
    # It prints three digits of a coefficient, so that its p-value is between those of the ends.
    least, most = (correlation_p_value(spearman + step, n_rows) for step in (5e-4, -5e-4))
    assert least <= p_value <= most
    other = {75: 74, 74: 75}.get(n_rows, n_rows - 20)
    ends = [correlation_p_value(spearman + step, other) for step in (5e-4, -5e-4)]
    assert not ends[0] <= p_value <= ends[1]


def test_the_p_value_of_spearmans_is_scipys():
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, 30)
    y = 0.3 * x + rng.normal(0, 1, 30)
    oracle = stats.spearmanr(x, y)
    assert correlation_p_value(oracle.statistic, 30) == pytest.approx(oracle.pvalue)
    assert correlation_p_value(-1.0, 30) == 0.0
    with pytest.raises(ValueError, match="n_rows=2: expected 3 or more"):
        correlation_p_value(0.5, 2)
    with pytest.raises(ValueError, match="expected correlations in"):
        correlation_p_value(1.5, 20)
