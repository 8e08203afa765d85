import numpy as np
import pytest

from musqa_pipeline.stages.dataset.adaptive.predict import PRIOR_ERROR, Known, predict_cascades

RNG = np.random.default_rng(3)
SINGLES = RNG.uniform(0.1, 0.93, (6, 45))


def known(n, offset=lambda first, last: 0.0, singles=SINGLES):
    reference, first, last = RNG.integers(0, len(singles), n), *RNG.integers(0, 45, (2, n))
    worse = np.minimum(singles[reference, first], singles[reference, last])
    return Known(singles, reference, first, last, worse + offset(first, last))


def worse_half():
    return np.minimum(SINGLES[:, :, None], SINGLES[:, None, :])


def test_without_a_labelled_cascade_the_worse_half_is_the_prediction():
    prediction = predict_cascades(known(0))
    np.testing.assert_allclose(prediction.quality, worse_half(), atol=1e-6)
    assert prediction.error == PRIOR_ERROR


def test_what_cascades_lose_beyond_their_worse_half_is_learnt():
    prediction = predict_cascades(known(300, lambda first, last: -0.04))
    np.testing.assert_allclose(prediction.quality, worse_half() - 0.04, atol=0.01)
    assert prediction.error < 0.005


def test_a_process_that_costs_more_as_a_last_half_is_learnt_and_others_are_not_moved():
    prediction = predict_cascades(known(2_000, lambda first, last: -0.05 * (last == 7)))
    rest = prediction.quality - worse_half()
    assert rest[:, :, 7].mean() < -0.025
    assert abs(np.delete(rest, 7, axis=2).mean()) < 0.005


def test_few_labels_move_little():
    prediction = predict_cascades(known(1, lambda first, last: -0.3))
    assert np.abs(prediction.quality - worse_half()).max() < 0.16
    assert np.abs(prediction.quality - worse_half()).mean() > 0.001
    assert prediction.error > PRIOR_ERROR


def test_a_cascade_whose_half_has_no_label_is_not_predicted_and_disturbs_nothing():
    singles = SINGLES.copy()
    singles[2, 10] = np.nan
    quality = predict_cascades(known(200, singles=singles)).quality
    assert np.isnan(quality[2, 10]).all()
    assert np.isnan(quality[2, :, 10]).all()
    assert np.isnan(quality).sum() == 2 * 45 - 1


def test_predictions_stay_on_the_scale():
    quality = predict_cascades(known(300, lambda first, last: -0.5)).quality
    assert quality.min() == pytest.approx(0.0)
    assert quality.max() <= 1.0
