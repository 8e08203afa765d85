"""The scorer as a metric of torchmetrics, beside the scorer itself and torchmetrics' own mean."""

from __future__ import annotations

import doctest
import pickle

import numpy as np
import pytest
import torch

from musqa_pipeline import MusicQuality, Scorer
from musqa_pipeline.core.errors import ModelError, UnfitInputError
from musqa_pipeline.release import torch_metrics
from tests.audio.music import music
from tests.scoring.small_model import write_model

from torchmetrics import MeanMetric, MetricCollection  # isort: skip - after the shim

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("model") / "small.onnx"))


@pytest.fixture(scope="module")
def batch():
    """Three recordings of two channels, the last one silent."""
    left = music(4 * RATE_HZ).astype(np.float32)
    parts = [np.stack([left, 0.5 * left]), np.stack([left[::-1], left]), np.zeros((2, len(left)))]
    return torch.from_numpy(np.stack(parts).astype(np.float32))


@pytest.fixture(scope="module")
def expected(batch, model):
    return [Scorer(model, detect=False).score(one.numpy(), RATE_HZ).mos for one in batch]


def test_the_examples_are_true():
    found = doctest.testmod(torch_metrics)
    assert found.attempted
    assert not found.failed


def test_it_is_the_mean_of_what_the_scorer_says(batch, expected, model):
    metric, mean = MusicQuality(RATE_HZ, model), MeanMetric()
    assert expected[2] is None
    for part in (batch[:1], batch[1:]):
        metric.update(part.requires_grad_())
    mean.update(torch.tensor(expected[:2], dtype=torch.float64))
    assert float(metric.compute()) == pytest.approx(float(mean.compute()), abs=1e-6)
    assert (int(metric.n_scored), int(metric.n_withheld)) == (2, 1)
    assert not metric.compute().requires_grad
    metric.reset()
    metric.update(batch[2:])
    assert torch.isnan(metric.compute())


@pytest.mark.parametrize("shaped", [lambda x: x[:1, 0], lambda x: x[0, 0], lambda x: x[:1, :1]])
def test_mono_needs_no_channel_and_one_recording_no_batch(shaped, batch, model):
    metric = MusicQuality(RATE_HZ, model)
    said = metric(shaped(batch))
    mono = Scorer(model, detect=False).score(batch[0, 0].numpy(), RATE_HZ)
    assert float(said) == pytest.approx(mono.mos)


def test_it_is_copied_sent_and_merged_as_others_are(batch, expected, model):
    metric = MusicQuality(RATE_HZ, model)
    metric.update(batch[:1])
    for copy in (metric.clone(), pickle.loads(pickle.dumps(metric))):
        copy.update(batch[1:2])
        assert float(copy.compute()) == pytest.approx(np.mean(expected[:2]))
    assert float(metric.compute()) == pytest.approx(expected[0])
    other = MusicQuality(RATE_HZ, model)
    other.update(batch[1:])
    metric.merge_state(other)
    assert (int(metric.n_scored), int(metric.n_withheld)) == (2, 1)
    both = MetricCollection({"quality": MusicQuality(RATE_HZ, model)})
    assert both(batch[:2])["quality"] == pytest.approx(np.mean(expected[:2]))
    assert (metric.higher_is_better, metric.is_differentiable) == (True, False)


def test_a_batch_that_cannot_be_scored_counts_nothing(batch, model, tmp_path):
    metric = MusicQuality(RATE_HZ, model)
    with pytest.raises(UnfitInputError, match=r"shape=\(1, 3, 2, 192000\); give it \(batch, ch"):
        metric.update(batch.unsqueeze(0))
    with pytest.raises(UnfitInputError, match="give it floats"):
        metric.update(batch.to(torch.uint8))
    assert (int(metric.n_scored), int(metric.n_withheld)) == (0, 0)
    with pytest.raises(ModelError):
        MusicQuality(RATE_HZ, str(tmp_path / "none.onnx"))
