"""A GAN trains, is killed and goes on, and says when it diverges."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.core.errors import LakeError, SettingsError, StageError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan import learner
from musqa_pipeline.learning.gan.learner import slope
from musqa_pipeline.learning.gan.train import each_once
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.kept import kept_files
from tests.learning.gan.made_up_tracks import write_made_up
from tests.learning.gan.tiny_gan import TINY, train_tiny
from tests.learning.killed import kill_in_the_middle

CURVES = {
    "discriminator_loss", "generator_loss", "score_real", "score_made", "score_met",
    "score_unmet", "frechet_distance", "learning_rate",
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("undisturbed"), n_threads=1)


@pytest.mark.parametrize(
    ("where", "done"), [("step", 2), pytest.param("checkpoint", 1, marks=pytest.mark.long)]
)
def test_a_training_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(
    tmp_path, undisturbed, where, done
):
    said, _ = kill_in_the_middle("tests.learning.gan.tiny_gan", tmp_path, where)
    assert said == []
    epochs = []
    torch.manual_seed(12345)
    resumed = train_tiny(tmp_path, on_epoch=epochs.append)
    assert [metrics["epoch"] for metrics in epochs] == list(range(done, 3))
    assert resumed.curves == undisturbed.curves
    ends = [torch.load(r.weights.parent / "checkpoint.ckpt") for r in (resumed, undisturbed)]
    for part in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(ends[0][part], ends[1][part], rtol=0, atol=0)
    assert ends[0]["global_step"] == ends[1]["global_step"] == 3 * (2 + 1)
    folders = [result.weights.parent for result in (resumed, undisturbed)]
    names = [[path.name for path in kept_files(folder)] for folder in folders]
    assert names == [["networks-00001.pt", "networks-00002.pt"]] * 2
    for first, second in zip(*map(kept_files, folders), strict=True):
        torch.testing.assert_close(read_weights(first), read_weights(second), rtol=0, atol=0)
    assert not list(folders[0].glob(".*.tmp"))


def test_a_training_has_curves_and_keeps_all_that_it_needs(undisturbed):
    assert undisturbed.curves.keys() == CURVES
    assert all(len(values) == 3 for values in undisturbed.curves.values())
    assert undisturbed.finished
    state = torch.load(undisturbed.weights.parent / "checkpoint.ckpt")["state_dict"]
    for part in ("generator", "discriminator", "averages.generator", "averages.discriminator"):
        held = {name for name in state if name.startswith(f"network.{part}.")}
        assert any(name.endswith("._u") for name in held), part
    assert int(state["network.n_averaged"]) == 3
    weights = read_weights(undisturbed.weights)
    assert weights.keys() == {name.removeprefix("network.") for name in state}
    moved = weights["discriminator.linear.bias"], weights["averages.discriminator.linear.bias"]
    assert moved[0] != moved[1]


def test_a_longer_training_goes_on_and_another_is_refused(tmp_path):
    train_tiny(tmp_path, replace(TINY, steps=1))
    epochs = []
    train_tiny(tmp_path, replace(TINY, steps=2), on_epoch=epochs.append)
    assert [metrics["epoch"] for metrics in epochs] == [1]
    with pytest.raises(LakeError, match="belongs to another training, which differs in d_width"):
        train_tiny(tmp_path, replace(TINY, d_width=3))


@pytest.mark.parametrize("option", [{"r1_weight": 1.0}, {"augment": True}])
def test_each_option_trains_something_else(tmp_path, undisturbed, option):
    result = train_tiny(tmp_path, replace(TINY, steps=1, **option), n_threads=1)
    assert result.curves["generator_loss"][0] != undisturbed.curves["generator_loss"][0]


def test_without_averages_the_last_generator_is_described(tmp_path, undisturbed):
    result = train_tiny(tmp_path, replace(TINY, steps=1, average_decay=0), n_threads=1)
    assert result.curves["score_real"] == undisturbed.curves["score_real"][:1]
    assert result.curves["frechet_distance"] != undisturbed.curves["frechet_distance"][:1]
    held = {name.partition(".")[0] for name in read_weights(result.weights)}
    assert held == {"generator", "discriminator", "n_averaged", "real_scores"}


def test_a_training_in_mixed_precision_is_near_one_in_float32(tmp_path, undisturbed):
    mixed = train_tiny(tmp_path, training=TrainingSettings(precision="bf16-mixed"), n_threads=1)
    first, exact = mixed.curves["score_real"], undisturbed.curves["score_real"]
    assert first != exact
    np.testing.assert_allclose(first, exact, atol=0.05)


def test_a_diverged_training_stops_with_advice_and_keeps_its_checkpoint(tmp_path, monkeypatch):
    def apart(metrics):
        monkeypatch.setattr(learner, "MOST_APART", -100.0)

    with pytest.raises(
        StageError,
        match=r"of generated = .* in epoch 1, expected at most -100; lower \[gan\] d_learning_rate",
    ):
        train_tiny(tmp_path, on_epoch=apart)
    state = torch.load(tmp_path / "run" / "checkpoint.ckpt")
    assert len(state["musqa"]["history"]["score_real"]) == 1


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    with pytest.raises(StageError, match=r"expected finite numbers; lower \[gan\] d_learning_rate"):
        train_tiny(tmp_path, replace(TINY, r1_weight=1e300))
    assert not (tmp_path / "run" / "checkpoint.ckpt").exists()


@pytest.mark.long
def test_two_processes_train_a_gan_together(tmp_path):
    result = train_tiny(tmp_path, training=TrainingSettings(device="cpu", devices=2), n_threads=1)
    assert result.finished
    assert all(map(math.isfinite, result.curves["discriminator_loss"]))
    weights = read_weights(result.weights)
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_validation_hears_every_track(tmp_path):
    tracks = write_made_up(tmp_path / "tracks", (3, 1))
    batches = [genres.tolist() for _, genres in each_once(tracks, 4)()]
    assert [len(batch) for batch in batches] == [4, 4]
    assert sum(batch.count(1) for batch in batches) in (3, 4, 5)
    again = each_once(tracks, 4)
    assert np.array_equal(next(iter(again()))[0], next(iter(again()))[0])


def test_the_slope_is_half_of_the_square_of_the_gradient():
    weight = torch.linspace(-1, 1, 12).view(1, 1, 3, 4)
    images = torch.randn(5, 1, 3, 4, requires_grad=True)
    score = 3 * (images * weight).sum(dim=(1, 2, 3))
    expected = 0.5 * 9 * weight.square().sum()
    torch.testing.assert_close(slope(score, images), expected)


def test_steps_end_with_a_checkpoint():
    with pytest.raises(SettingsError, match="steps=10: expected a multiple of checkpoint_steps=4"):
        replace(TINY, steps=10, checkpoint_steps=4)
