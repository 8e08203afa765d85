import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.baselines.simple import fit_mean, fit_upper_edge


def frame(edge, label):
    columns = {"upper_edge_hz": edge, "label": label}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64), strict=False)


def edges(values):
    return pl.DataFrame({"upper_edge_hz": np.asarray(values, float)})


def test_the_mean_predictor_says_the_mean_of_what_it_was_fitted_on():
    assert fit_mean(frame([1, 2, 3], [10, 20, 60]))(edges([1e3, 2e4])).tolist() == [
        30.0,
        30.0,
    ]


rows = st.lists(st.tuples(st.integers(20, 240), st.integers(0, 93)), min_size=1, max_size=60)


@settings(deadline=None, max_examples=60)
@given(rows)
def test_a_wider_band_is_never_predicted_worse(pairs):
    edge, label = np.array(pairs, dtype=float).T
    fitted = fit_upper_edge(frame(100 * edge, label))
    predicted = fitted(edges(np.linspace(0, 30_000, 200)))
    assert (np.diff(predicted) >= -1e-9).all()
    assert predicted.min() >= label.min() - 1e-9
    assert predicted.max() <= label.max() + 1e-9


@settings(deadline=None, max_examples=60)
@given(rows)
def test_the_edge_baseline_is_the_isotonic_regression(pairs):
    edge, label = np.array(pairs, dtype=float).T
    asked = np.linspace(10, 250, 77)
    expected = IsotonicRegression(out_of_bounds="clip").fit(edge, label).predict(asked)
    np.testing.assert_allclose(
        fit_upper_edge(frame(edge, label))(edges(asked)), expected, atol=1e-9
    )


@pytest.mark.parametrize("fit", [fit_mean, fit_upper_edge])
def test_without_training_labels_no_baseline_is_invented(fit):
    with pytest.raises(StageError, match="no training labels: the baselines need some"):
        fit(frame([], []))
