"""Labels from a few recordings: what is learned, from whom, and what is refused."""

import numpy as np
import pytest

from musqa_pipeline.learning.baselines import few_labels as module
from musqa_pipeline.learning.baselines.few_labels import few_labels


def described(n_recordings=12, rows_each=9, seed=0):
    rng = np.random.default_rng(seed)
    recording = np.repeat([f"r{n}" for n in range(n_recordings)], rows_each)
    features = rng.standard_normal((len(recording), 20)) * 100 + 7
    return features, features @ rng.standard_normal(20), recording


def rmse_of(n_labelled):
    features, label, recording = described()
    predicted = few_labels(features, label, recording, "t", n_labelled=n_labelled)
    return np.sqrt(np.mean((predicted - label) ** 2)) / label.std()


def test_a_linear_label_is_learned_and_more_labels_help():
    assert rmse_of(1) > 3 * rmse_of(None)
    assert rmse_of(None) < 0.05
    assert rmse_of(4) < rmse_of(1)


def test_nothing_is_learned_from_the_recording_that_is_asked(monkeypatch):
    features, label, recording = described()
    clean = few_labels(features, label, recording, "t")
    assert np.array_equal(few_labels(features, label, recording, "t"), clean)
    wrong = label.copy()
    wrong[recording == "r3"] += 1e6
    monkeypatch.setattr(module, "N_FOLDS", 12)
    alone = few_labels(features, label, recording, "t")
    found = few_labels(features, wrong, recording, "t")
    mine = recording == "r3"
    np.testing.assert_array_equal(found[mine], alone[mine])
    assert not np.allclose(found[~mine], alone[~mine])


def test_too_few_recordings_are_refused():
    features, label, recording = described(3)
    assert few_labels(features, label, recording, "t", n_labelled=2).shape == label.shape
    with pytest.raises(ValueError, match="n_labelled=3: 2 lie outside a fold"):
        few_labels(features, label, recording, "t", n_labelled=3)
    with pytest.raises(ValueError, match="1 recordings: expected two"):
        few_labels(*described(1), "t")


def test_what_tells_recordings_apart_is_not_taken_for_quality():
    """Features that say whose a row is help with other rows of it, and with no other recording."""
    rng = np.random.default_rng(3)
    n_recordings, rows_each = 20, 30
    recording = np.repeat(np.arange(n_recordings), rows_each)
    whose = np.repeat(rng.standard_normal((n_recordings, 12)), rows_each, axis=0)
    features = whose + 0.05 * rng.standard_normal(whose.shape)
    label = np.repeat(rng.standard_normal(n_recordings), rows_each) * 20
    predicted = few_labels(features, label, recording, "t")
    assert np.sqrt(np.mean((predicted - label) ** 2)) < 1.2 * label.std()


def test_what_is_fitted_sees_labelled_rows_alone():
    features, label, recording = described()
    seen = []

    class Mean:
        def __init__(self, x, y, whose):
            seen.append((len(x), len(np.unique(whose))))
            self.mean = y.mean()

        def predict(self, x):
            return np.full(len(x), self.mean)

    predicted = few_labels(features, label, recording, "t", n_labelled=4, fit=Mean)
    assert seen == [(36, 4)] * module.N_FOLDS
    assert len(np.unique(predicted)) == module.N_FOLDS
