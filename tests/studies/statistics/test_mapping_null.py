import numpy as np
import pytest
from scipy.special import beta

from musqa_pipeline.studies.statistics.mapping import fit_cubic
from musqa_pipeline.studies.statistics.mapping_null import map_each_way, null_of_mappings
from musqa_pipeline.studies.statistics.metrics import pearson
from musqa_pipeline.studies.statistics.stratified import Division

N_ROWS, N_DRAWS = 620, 240
LABEL = np.sort(np.random.default_rng(0).normal(3.78, 0.35, N_ROWS))
HALF_WIDTH = np.full(N_ROWS, 0.43)
CLASSES = np.arange(N_ROWS) // 42


@pytest.fixture(scope="module")
def null():
    return null_of_mappings(LABEL, HALF_WIDTH, CLASSES, "test", n_draws=N_DRAWS)


def test_the_correlation_that_the_papers_mapping_makes_of_noise_is_the_one_of_theory(null):
    # R² of three useless regressors on n Gaussian values is Beta(3/2, (n - 4) / 2).
    a, b = 3 / 2, (N_ROWS / 6 - 4) / 2
    mean = beta(a + 0.5, b) / beta(a, b)
    sd = np.sqrt(a / (a + b) - mean**2)
    found = null["cubic"]["pearson"]
    assert mean == pytest.approx(0.158, abs=5e-4)
    assert found.mean == pytest.approx(mean, abs=3 * sd / np.sqrt(N_DRAWS))
    assert found.sd == pytest.approx(sd, rel=0.2)
    assert found.low > 0  # noise never runs against the labels once it is mapped
    assert null["cubic"]["ranking_accuracy"].mean > 0.57


@pytest.mark.parametrize("way", ["raw", "validation"])
def test_noise_is_noise_where_nothing_is_fitted_to_what_is_judged(null, way):
    r, ranked = null[way]["pearson"], null[way]["ranking_accuracy"]
    sd = 1 / np.sqrt(N_ROWS / 6 - 1)
    assert r.mean == pytest.approx(0, abs=3 * sd / np.sqrt(N_DRAWS))
    assert r.sd == pytest.approx(sd, rel=0.2)
    assert (r.low, r.high) == pytest.approx((-1.96 * sd, 1.96 * sd), abs=0.06)
    assert ranked.mean == pytest.approx(0.5, abs=3 * ranked.sd / np.sqrt(N_DRAWS))


def test_the_monotone_cubic_makes_less_of_noise_and_never_a_negative_correlation(null):
    r = null["monotone"]["pearson"]
    assert r.low >= 0
    assert 0.04 < r.mean < 0.6 * null["cubic"]["pearson"].mean
    assert null["monotone"]["rmse"].mean > null["cubic"]["rmse"].mean
    assert null["validation"]["rmse"].mean > null["monotone"]["rmse"].mean
    # Labels and noise of one deviation: errors are as large as both together.
    assert null["raw"]["rmse"].mean == pytest.approx(np.sqrt(2) * LABEL.std(), rel=0.03)


def test_draws_follow_from_the_seed(null):
    few = [
        null_of_mappings(LABEL, HALF_WIDTH, CLASSES, seed, n_draws=6) for seed in ("a", "a", "b")
    ]
    assert few[0] == few[1]
    assert few[0] != few[2]


def test_each_way_is_fitted_to_its_own_part():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 1, 90), rng.normal(3, 1, 90)
    test, validation = np.arange(30), np.arange(30, 60)
    y[test] -= 3 * x[test]  # predictions run against these ratings, and along with those
    y[validation] += 3 * x[validation]
    found = map_each_way(y, x, Division(np.arange(60, 90), validation, test))
    assert np.array_equal(found["raw"], x[test])
    np.testing.assert_array_equal(found["cubic"], fit_cubic(y[test], x[test])(x[test]))
    assert np.ptp(found["monotone"]) < 1e-9
    assert pearson(y[test], found["cubic"]) > 0.3
    assert pearson(y[test], found["validation"]) < -0.3


def test_what_cannot_be_fitted_or_ranked_is_said():
    x = np.ones(60)
    parts = Division(np.arange(20), np.arange(20, 40), np.arange(40, 60))
    found = map_each_way(LABEL[:60], x, parts)
    assert found["raw"].tolist() == [1.0] * 20
    assert [found[name] for name in ("cubic", "monotone", "validation")] == [None] * 3
    with pytest.raises(ValueError, match="a part has 4 rows: expected 5 or more to fit to"):
        null_of_mappings(LABEL[::26], HALF_WIDTH[::26] / 99, CLASSES[::26], n_draws=1)
    with pytest.raises(ValueError, match="no two labels of a test part differ by more than 8"):
        null_of_mappings(LABEL, HALF_WIDTH + 3.57, CLASSES, n_draws=1)
