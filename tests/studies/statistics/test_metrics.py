import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from musqa_pipeline.stages.evaluation.repetitions import METRICS
from musqa_pipeline.studies.statistics.metrics import (
    auc,
    kendall,
    mae,
    pearson,
    r2,
    rmse,
    rmse_star,
    spearman,
)

points = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=3, max_size=40
).map(lambda pairs: np.array(pairs, dtype=float).T / 10)


@settings(deadline=None, max_examples=60)
@given(points)
def test_every_metric_equals_that_of_scipy_or_scikit_learn(pair):
    label, predicted = pair
    assert rmse(label, predicted) == pytest.approx(
        sklearn.metrics.root_mean_squared_error(label, predicted)
    )
    assert mae(label, predicted) == pytest.approx(
        sklearn.metrics.mean_absolute_error(label, predicted)
    )
    if np.ptp(label) > 0:
        assert r2(label, predicted) == pytest.approx(sklearn.metrics.r2_score(label, predicted))
        if np.ptp(predicted) > 0:
            assert pearson(label, predicted) == pytest.approx(
                stats.pearsonr(label, predicted).statistic, abs=1e-9
            )
            assert spearman(label, predicted) == pytest.approx(
                stats.spearmanr(label, predicted).statistic, abs=1e-9
            )
            assert kendall(label, predicted) == pytest.approx(tau_b(label, predicted), abs=1e-9)


def tau_b(x, y):
    """Tau-b from its definition: M. G. Kendall, Rank Correlation Methods, 1970, section 3.4."""
    signs = [np.sign(side[:, None] - side[None, :]) for side in (x, y)]
    return (signs[0] * signs[1]).sum() / np.sqrt((signs[0] ** 2).sum() * (signs[1] ** 2).sum())


def test_where_one_side_is_constant_no_correlation_is_defined():
    assert pearson([1, 2, 3], [5, 5, 5]) is None
    assert spearman([5, 5, 5], [1, 2, 3]) is None
    assert kendall([1, 2, 3], [5, 5, 5]) is None
    assert r2([5, 5, 5], [1, 2, 3]) is None
    assert r2([1, 2, 3], [2, 2, 2]) == 0.0
    assert rmse([5, 5, 5], [5, 5, 8]) == pytest.approx(3**0.5)


def test_the_noise_of_rounding_is_no_variation():
    constant = 50.0 + np.array([0, 1e-13, -1e-13])
    assert pearson([1, 2, 3], constant) is None


def test_one_row_has_an_error_but_no_correlation_and_no_row_has_nothing():
    assert {name: metric([40], [50]) for name, metric in METRICS.items()} == {
        "pearson": None, "spearman": None, "rmse": 10.0, "mae": 10.0, "r2": None,
    }  # fmt: skip
    assert {metric([], []) for metric in METRICS.values()} == {None}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_is_no_number_is_refused(metric):
    with pytest.raises(ValueError, match="1 of 6 values are not finite"):
        metric([1, 2, 3], [1, np.nan, 3])
    with pytest.raises(ValueError, match=r"label has shape \(3,\), predicted \(2,\)"):
        metric([1, 2, 3], [1, 2])


def test_what_lies_within_the_labels_own_interval_is_no_error():
    label, predicted = [10.0, 20.0, 30.0, 40.0], [12.0, 15.0, 30.5, 50.0]
    assert rmse_star(label, predicted, [3, 3, 3, 3]) == pytest.approx(((2**2 + 7**2) / 4) ** 0.5)
    assert rmse_star(label, predicted, [3, 3, 3, 3], n_fitted=3) == pytest.approx(53**0.5)
    assert rmse_star(label, predicted, 0.0) == pytest.approx(rmse(label, predicted))
    assert rmse_star(label, predicted, 10.0) == 0.0
    widths = [rmse_star(label, predicted, w) for w in (0, 1, 4, 9)]
    assert widths == sorted(widths, reverse=True)


def test_fitted_coefficients_leave_the_denominator():
    label, predicted = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 2.0, 2.0, 2.0, 2.0]
    assert rmse(label, predicted, n_fitted=4) == pytest.approx(5**0.5 * rmse(label, predicted))
    assert rmse(label, predicted, n_fitted=5) is None


def test_a_half_width_that_is_none_is_refused():
    with pytest.raises(ValueError, match="half_width has values that are no number or negative"):
        rmse_star([1, 2], [1, 2], [0.1, -0.1])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=40))
def test_the_area_under_the_curve_is_scikit_learns(rows):
    is_so, score = (np.array(side, dtype=float) for side in zip(*rows, strict=True))
    if np.ptp(is_so) == 0:
        assert auc(is_so, score) is None
    else:
        assert auc(is_so, score) == pytest.approx(sklearn.metrics.roc_auc_score(is_so, score))
