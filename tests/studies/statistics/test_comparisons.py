import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from musqa_pipeline.studies.statistics.comparisons import (
    compare_correlations,
    compare_rmses,
    steiger,
    williams,
)


def test_fishers_comparison_gives_published_values():
    # J. Cohen, P. Cohen, S. G. West, L. S. Aiken, Applied Multiple Regression/Correlation
    # Analysis, 3rd ed., 2003, pp. 45, 49: their numbers, with all digits.
    assert compare_correlations(0.657, 62, 0.430, 143).statistic == pytest.approx(
        2.110737, abs=1e-6
    )
    # The spreadsheet of stat-help.com (J. DeCoster), which the R package cocor tests against.
    found = compare_correlations(0.4, 100, 0.5, 100)
    assert found.statistic == pytest.approx(-0.8751012342, abs=1e-10)
    assert found.p_value == pytest.approx(0.3815188256, abs=1e-10)
    assert found.difference == pytest.approx(-0.1)


def test_williams_and_steiger_give_published_values():
    # N. C. Silver, J. B. Hittner, K. May, A FORTRAN 77 program for comparing dependent
    # correlations, 2006, doi:10.1177/0146621605277132: r = 0.3, 0.4, between 0.5, n = 100.
    found = williams(0.3, 0.4, 0.5, 100)
    assert (found.statistic, found.p_value) == pytest.approx((-1.0767, 0.2843), abs=5e-5)
    assert found.degrees_of_freedom == (97,)
    found = steiger(0.3, 0.4, 0.5, 100)
    assert (found.statistic, found.p_value) == pytest.approx((-1.0718, 0.2838), abs=5e-5)
    # Steiger (1980), case A, p. 249: 0.4, 0.5, between 0.1, n = 103; he prints -0.8913, from a
    # covariance rounded to 0.0042.
    assert steiger(0.4, 0.5, 0.1, 103).statistic == pytest.approx(-0.8913, abs=0.003)


def test_the_ratio_of_rmses_gives_a_published_value():
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.9: two batches of 240 ceramics, F =
    # 1.123037, not significant between the two-sided bounds 0.7756 and 1.2894.
    found = compare_rmses(65.54909, 240, 61.85425, 240, n_fitted=1)
    assert found.statistic == pytest.approx(1.123037, abs=1e-5)
    assert found.degrees_of_freedom == (239, 239)
    assert found.p_value > 0.05
    assert compare_rmses(1.2894**0.5, 240, 1, 240, n_fitted=1).p_value == pytest.approx(
        0.05, abs=2e-4
    )
    assert compare_rmses(0.7756**0.5, 240, 1, 240, n_fitted=1).p_value == pytest.approx(
        0.05, abs=2e-4
    )


def test_the_rule_of_p1401_is_a_p_value_below_a_tenth():
    bound = stats.f.ppf(0.95, 59, 39)
    assert compare_rmses(bound**0.5 * 1.001, 60, 1, 40, n_fitted=1).p_value < 0.10
    assert compare_rmses(bound**0.5 * 0.999, 60, 1, 40, n_fitted=1).p_value > 0.10


correlations = st.floats(-0.99, 0.99)


@settings(deadline=None, max_examples=60)
@given(correlations, correlations, correlations, st.integers(4, 500))
def test_exchanging_the_two_turns_the_sign_and_keeps_the_p_value(r_1, r_2, r_between, n):
    determinant = 1 + 2 * r_1 * r_2 * r_between - r_1**2 - r_2**2 - r_between**2
    pairs = [
        (compare_correlations(r_1, n, r_2, 30), compare_correlations(r_2, 30, r_1, n)),
        (compare_rmses(2 + r_1, n, 2 + r_2, 30), compare_rmses(2 + r_2, 30, 2 + r_1, n)),
    ]
    if determinant > 0:
        pairs += [
            (test(r_1, r_2, r_between, n), test(r_2, r_1, r_between, n))
            for test in (steiger, williams)
        ]
    for there, back in pairs:
        assert there.p_value == pytest.approx(back.p_value, abs=1e-9)
        assert 0 <= there.p_value <= 1
        if there.test != "f_ratio":
            assert there.statistic == pytest.approx(-back.statistic)


def test_under_no_difference_five_percent_of_tests_of_dependent_correlations_reject():
    rng = np.random.default_rng(2)
    n, n_tests = 40, 600
    label = rng.normal(0, 1, (n_tests, n))
    shared = rng.normal(0, 1, (n_tests, n))
    first, second = (label + 0.6 * shared + rng.normal(0, 0.5, (n_tests, n)) for _ in range(2))
    rejected = {"steiger_z": 0, "williams_t": 0, "fisher_z": 0}
    for x, a, b in zip(label, first, second, strict=True):
        r = np.corrcoef([x, a, b])
        for found in (
            steiger(r[0, 1], r[0, 2], r[1, 2], n),
            williams(r[0, 1], r[0, 2], r[1, 2], n),
            compare_correlations(r[0, 1], n, r[0, 2], n),
        ):
            rejected[found.test] += found.p_value < 0.05
    assert 0.03 <= rejected["steiger_z"] / n_tests <= 0.07
    assert 0.03 <= rejected["williams_t"] / n_tests <= 0.07
    assert rejected["fisher_z"] / n_tests < 0.01  # blind to what the two share


def test_equal_predictions_do_not_differ():
    for test in (steiger, williams):
        assert test(0.9, 0.9, 1.0, 50).p_value == 1.0


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(ValueError, match="n_rows=3: expected 4 or more"):
        steiger(0.5, 0.4, 0.1, 3)
    with pytest.raises(ValueError, match="expected correlations in"):
        compare_correlations(1.2, 10, 0.5, 10)
    with pytest.raises(ValueError, match="cannot be together: expected all three of the same rows"):
        williams(0.9, -0.9, 0.9, 50)
    with pytest.raises(ValueError, match="expected errors above 0 and more rows than fitted"):
        compare_rmses(0.0, 10, 1.0, 10)
    with pytest.raises(ValueError, match="n_fitted=4: expected errors above 0 and more rows"):
        compare_rmses(1.0, 4, 1.0, 10, n_fitted=4)
