import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from musqa_pipeline.studies.statistics.mapping import fit_cubic, fit_monotone_cubic
from musqa_pipeline.studies.statistics.metrics import rmse, spearman


def test_where_the_best_cubic_rises_it_is_the_one_of_numpy():
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 5, 80)
    y = 12 + 3 * x + 0.4 * x**3 + rng.normal(0, 1, 80)
    plain = np.polyval(np.polyfit(x, y, 3), x)
    np.testing.assert_allclose(fit_monotone_cubic(y, x)(x), plain, rtol=1e-9)


def wavy(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 100, 40)
    slope = rng.choice([-0.3, 0.2, 0.6])
    return slope * x + 12 * np.sin(x / rng.uniform(6, 30)) + rng.normal(0, 6, 40), x


@pytest.mark.parametrize("seed", range(12))
def test_no_solver_finds_a_better_cubic_that_does_not_fall(seed):
    y, x = wavy(seed)
    t = (2 * x - x.min() - x.max()) / np.ptp(x)
    powers = np.vander(t, 4, increasing=True)
    grid = np.linspace(-1, 1, 401)
    slopes = np.stack([0 * grid, 1 + 0 * grid, 2 * grid, 3 * grid**2], axis=1)
    oracle = minimize(
        lambda c: np.mean((powers @ c - y) ** 2),
        [y.mean(), 0, 0, 0],
        jac=lambda c: 2 * powers.T @ (powers @ c - y) / len(y),
        constraints={"type": "ineq", "fun": lambda c: slopes @ c, "jac": lambda c: slopes},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    mapping = fit_monotone_cubic(y, x)
    assert np.mean((mapping(x) - y) ** 2) <= oracle.fun * (1 + 1e-5)
    assert (slopes @ np.array(mapping.coefficients)).min() > -1e-9


def test_the_constraint_bites_where_the_best_cubic_would_fall():
    y, x = wavy(1)
    plain = np.polyfit(x, y, 3)
    grid = np.linspace(x.min(), x.max(), 200)
    assert np.diff(np.polyval(plain, grid)).min() < 0
    mapping = fit_monotone_cubic(y, x)
    assert np.diff(mapping(grid)).min() >= -1e-9
    assert rmse(y, mapping(x)) >= rmse(y, np.polyval(plain, x))


def test_without_constraint_it_is_the_cubic_of_numpy_and_may_fall():
    y, x = wavy(1)
    free = fit_cubic(y, x)
    np.testing.assert_allclose(free(x), np.polyval(np.polyfit(x, y, 3), x), rtol=1e-8)
    assert np.diff(free(np.linspace(x.min(), x.max(), 200))).min() < 0
    assert free(x.max() + 50) == free(x.max())  # as far as its data reach, and no farther
    assert fit_cubic([1, 2, 3, 4], [1, 2, 3, 4]) is None
    assert fit_cubic([1, 2, 3, 4, 5], [2, 2, 2, 2, 2]) is None


rows = st.lists(
    st.tuples(st.integers(-500, 500), st.integers(-500, 500)), min_size=5, max_size=30
).map(lambda pairs: np.array(pairs, dtype=float).T / 10)


@settings(max_examples=80)
@given(rows)
def test_any_mapping_rises_and_is_no_worse_than_the_best_rising_line(pair):
    y, x = pair
    mapping = fit_monotone_cubic(y, x)
    if mapping is None:
        assert np.ptp(x) <= 1e-9
        return
    grid = mapping(np.linspace(x.min() - 3, x.max() + 3, 100))
    assert np.diff(grid).min() >= -1e-7
    slope = max(0.0, np.cov(x, y)[0, 1] / np.var(x, ddof=1))
    line = y.mean() + slope * (x - x.mean())
    assert rmse(y, mapping(x)) <= rmse(y, line) + 1e-7
    assert mapping(x).mean() == pytest.approx(y.mean(), abs=1e-7)


def test_unit_and_offset_of_predictions_do_not_matter_and_ranks_stay():
    y, x = wavy(4)
    there = fit_monotone_cubic(y, x)(x)
    np.testing.assert_allclose(fit_monotone_cubic(y, 1e3 + 0.04 * x)(1e3 + 0.04 * x), there)
    clean = np.linspace(1, 5, 30)
    assert spearman(fit_monotone_cubic(clean**3, clean)(clean), clean) == pytest.approx(1.0)


def test_predictions_that_run_against_the_labels_are_mapped_to_one_value():
    x = np.linspace(0, 1, 20)
    assert np.ptp(fit_monotone_cubic(-x, x)(x)) < 1e-9


def test_outside_the_range_of_the_data_its_ends_count():
    y, x = wavy(2)
    mapping = fit_monotone_cubic(y, x)
    assert mapping(x.max() + 50) == mapping(x.max())
    assert mapping(x.min() - 50) == mapping(x.min())


def test_too_little_to_fit_has_no_mapping():
    assert fit_monotone_cubic([1, 2, 3, 4], [1, 2, 3, 4]) is None
    assert fit_monotone_cubic([1, 2, 3, 4, 5], [2, 2, 2, 2, 2]) is None
