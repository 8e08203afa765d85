import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from musqa_pipeline.evaluation.metrics import METRICS, mae, pearson, r2, rmse, spearman

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


def test_where_one_side_is_constant_no_correlation_is_defined():
    assert pearson([1, 2, 3], [5, 5, 5]) is None
    assert spearman([5, 5, 5], [1, 2, 3]) is None
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
