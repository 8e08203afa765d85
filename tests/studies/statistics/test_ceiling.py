import numpy as np
import pytest

from musqa_pipeline.studies.listening.vinylset import LABEL_FILE, read_vinylset
from musqa_pipeline.studies.statistics.ceiling import ceiling_of_means
from musqa_pipeline.studies.statistics.metrics import (
    mean_full_width,
    pairwise_ranking_accuracy,
    pearson,
    rmse,
)
from tests import SHARED

LABELS = SHARED / "vinylset" / LABEL_FILE


def test_one_who_knows_the_truth_reaches_the_ceiling_and_no_more():
    rng = np.random.default_rng(0)
    error = rng.uniform(0.15, 0.3, 3000)
    truth = rng.normal(3.8, 0.26, 3000)
    label = rng.normal(truth, error)
    best = ceiling_of_means(label, 1.96 * error, 0.87, n_draws=3)
    assert best.pearson == pytest.approx(pearson(label, truth), abs=0.02)
    assert best.rmse == pytest.approx(rmse(label, truth), rel=0.03)
    reached = pairwise_ranking_accuracy(label, truth, 0.87)
    assert best.ranking_accuracy == pytest.approx(reached, abs=0.005)
    assert 0.9 < reached < 0.995


def test_the_ceiling_of_vinylset():
    if not LABELS.exists():
        pytest.skip("no shared/vinylset beside the checkout")
    vinylset = read_vinylset(LABELS)
    threshold = mean_full_width(vinylset.half_width)
    best = ceiling_of_means(vinylset.mos, vinylset.half_width, threshold, n_draws=40)
    assert threshold == pytest.approx(0.8675, abs=5e-5)
    assert (best.noise_variance, best.variance) == pytest.approx((0.0519, 0.1215), abs=5e-5)
    assert (best.pearson, best.rmse) == pytest.approx((0.757, 0.228), abs=5e-4)
    assert best.ranking_accuracy == pytest.approx(0.985, abs=0.003)


def test_labels_that_say_nothing_have_no_ceiling():
    label = np.linspace(3, 3.1, 20)
    with pytest.raises(ValueError, match="expected labels that differ by more than their interv"):
        ceiling_of_means(label, np.full(20, 0.5), 0.1)
    with pytest.raises(ValueError, match="have a variance of 0 and errors of 0"):
        ceiling_of_means(np.ones(20), np.zeros(20), 0.1)
    with pytest.raises(ValueError, match="no two labels differ by more than 1: expected a lower"):
        ceiling_of_means(label, np.full(20, 0.01), 1.0, n_draws=2)
