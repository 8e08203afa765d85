import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.settings.evaluation import PromotionSettings
from musqa_pipeline.release.promotion.comparison import compare
from musqa_pipeline.studies.statistics.bootstrap import paired_difference
from musqa_pipeline.studies.statistics.metrics import rmse
from tests.release.promotion.world import noisy_pair

SETTINGS = PromotionSettings(network="any", margin_points=1.0, n_bootstrap=300)
N_TRIALS = 300


def share_promoted(true_difference, n_recordings=40):
    trials = range(N_TRIALS)
    return np.mean(
        [compare(noisy_pair(n_recordings, true_difference, s), SETTINGS).not_worse for s in trials]
    )


def test_a_model_worse_by_just_the_margin_is_promoted_as_seldom_as_the_interval_says():
    assert 0.02 < share_promoted(SETTINGS.margin_points) < 0.10


def test_an_equal_model_is_promoted_nearly_always_and_a_much_worse_one_never():
    assert share_promoted(0.0) > 0.9
    assert share_promoted(2.5) == 0.0


def test_the_interval_is_that_of_the_statistics_library():
    rows = noisy_pair(12, 0.5, 1)
    found = compare(rows, SETTINGS)
    other = paired_difference(
        rmse, rows["label"], rows["new"], rows["champion"], rows["recording"].cast(pl.String),
        "promotion", 0, n_draws=300, confidence=0.90,
    )  # fmt: skip
    assert found.difference_points == pytest.approx(other.value)
    assert found.upper_points == pytest.approx(other.high)


def test_two_recordings_promote_nothing():
    found = compare(noisy_pair(2, -3.0, 1), SETTINGS)
    assert found.upper_points is None
    assert not found.not_worse
    assert "2 recordings are too few for an interval" in found.reason


def test_the_reason_names_both_numbers():
    found = compare(noisy_pair(40, 3.0, 0), SETTINGS)
    assert found.reason == (
        f"RMSE {found.difference_points:+.2f} points against the champion, at most "
        f"{found.upper_points:+.2f}: not below the margin of 1"
    )
