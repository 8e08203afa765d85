"""An autoencoder trains, is killed and goes on, and says when it does not start."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.core.errors import LakeError, SettingsError, StageError
from musqa_pipeline.learning.autoencoders import learner
from musqa_pipeline.learning.autoencoders.inputs import tiles_of
from musqa_pipeline.learning.autoencoders.measures import measure
from musqa_pipeline.learning.autoencoders.train import load_autoencoder, recipe_of_run, untrained
from musqa_pipeline.learning.training.checkpoint import read_weights, write_weights
from musqa_pipeline.learning.training.kept import kept_files
from tests.learning.autoencoders.tiny_autoencoder import TINY, made_up_images, train_tiny
from tests.learning.killed import kill_in_the_middle

ONE_STEP = replace(TINY, steps=1, checkpoint_steps=1)
CURVES = {
    "loss", "psnr_db_unmet", "ms_ssim_unmet", "nlpd_unmet", "log_mel_mse_unmet", "learning_rate",
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("undisturbed"))


def test_a_training_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(tmp_path, undisturbed):
    said, _ = kill_in_the_middle("tests.learning.autoencoders.tiny_autoencoder", tmp_path)
    assert said == []
    epochs = []
    torch.manual_seed(12345)
    resumed = train_tiny(tmp_path, on_epoch=epochs.append)
    assert [metrics["epoch"] for metrics in epochs] == [2]
    assert resumed.curves == undisturbed.curves
    ends = [torch.load(r.weights.parent / "checkpoint.ckpt") for r in (resumed, undisturbed)]
    for part in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(ends[0][part], ends[1][part], rtol=0, atol=0, equal_nan=True)
    folders = [result.weights.parent for result in (resumed, undisturbed)]
    names = [[path.name for path in kept_files(folder)] for folder in folders]
    assert names == [["networks-00001.pt", "networks-00002.pt"]] * 2
    for first, second in zip(*map(kept_files, folders), strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert resumed.weights.read_bytes() == undisturbed.weights.read_bytes()


def test_a_training_has_curves_and_its_networks_come_back(undisturbed):
    assert undisturbed.curves.keys() == CURVES
    assert all(len(values) == 3 for values in undisturbed.curves.values())
    assert undisturbed.curves["learning_rate"] == [3e-4] * 3
    network = load_autoencoder(undisturbed.weights)
    assert network.recipe == recipe_of_run(undisturbed.weights.parent) == TINY
    images = torch.from_numpy(tiles_of(made_up_images(), TINY.side))[:, None]
    measured = measure(images, network(images))
    for name, values in zip(measured._fields, measured, strict=True):
        last = undisturbed.curves[f"{name}_unmet"][-1]
        assert last == pytest.approx(float(values.mean()), abs=1e-4)
    first, last = map(load_autoencoder, kept_files(undisturbed.weights.parent))
    assert torch.equal(last(images), network(images))
    assert not torch.equal(first(images), network(images))


def test_all_losses_and_inputs_begin_with_the_same_weights_as_the_untrained(tmp_path):
    begun = replace(ONE_STEP, learning_rate=1e-30)
    recipes = {
        "mse": begun,
        "ms_ssim": replace(begun, loss="ms_ssim"),
        "nlpd": replace(begun, loss="nlpd"),
        "music": replace(begun, inputs="music"),
    }
    first = untrained(TINY, 0).state_dict()
    losses = set()
    for name, recipe in recipes.items():
        result = train_tiny(tmp_path / name, recipe, unmet=None, music=made_up_images())
        losses.add(result.curves["loss"][0])
        for key, tensor in read_weights(result.weights).items():
            torch.testing.assert_close(tensor, first[key], rtol=0, atol=1e-20, msg=f"{name} {key}")
    assert len(losses) == len(recipes)
    other = untrained(TINY, 1).state_dict()
    assert not torch.equal(first["encoder.0.weight"], other["encoder.0.weight"])


@pytest.mark.parametrize("loss", ["mse", "ms_ssim", "nlpd"])
def test_a_short_training_lowers_its_loss(tmp_path, loss):
    recipe = replace(TINY, loss=loss, learning_rate=3e-3, steps=40, checkpoint_steps=20)
    first, last = train_tiny(tmp_path, recipe, unmet=None).curves["loss"]
    assert last < 0.98 * first


def test_a_longer_training_goes_on_and_another_is_refused(tmp_path):
    train_tiny(tmp_path, ONE_STEP)
    epochs = []
    train_tiny(tmp_path, replace(ONE_STEP, steps=2), on_epoch=epochs.append)
    assert [metrics["epoch"] for metrics in epochs] == [1]
    with pytest.raises(LakeError, match="belongs to another training, which differs in loss"):
        train_tiny(tmp_path, replace(ONE_STEP, loss="nlpd"))


def test_a_loss_that_stands_still_is_refused_also_across_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setitem(
        learner.LOSSES, "mse", lambda images, made: 1 + 0 * made.mean(dim=(1, 2, 3))
    )
    monkeypatch.setattr(learner, "STILL_STEPS", 5)
    with pytest.raises(
        StageError,
        match="loss mse has not moved from 1 for 5 steps: it has no slope there; take another seed",
    ):
        train_tiny(tmp_path, unmet=None)
    history = torch.load(tmp_path / "checkpoint.ckpt")["musqa"]["history"]
    assert history["loss"] == [1.0, 1.0]


def test_a_loss_that_moves_is_not_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(learner, "STILL_STEPS", 1)
    assert train_tiny(tmp_path, ONE_STEP, unmet=None).finished


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    damaged = np.full((1, 32, 32), np.nan, np.float32)
    with pytest.raises(StageError, match="expected finite numbers; lower learning_rate"):
        train_tiny(tmp_path, replace(TINY, inputs="music"), music=damaged, unmet=None)
    assert not (tmp_path / "checkpoint.ckpt").exists()


def test_music_that_is_wanted_has_to_be_there(tmp_path):
    with pytest.raises(SettingsError, match="inputs='music' without music"):
        train_tiny(tmp_path, replace(TINY, inputs="music"))


def test_files_that_cannot_serve_are_named(tmp_path, undisturbed):
    with pytest.raises(LakeError, match=r"cannot read .*settings\.json"):
        load_autoencoder(tmp_path / "weights.pt")
    (tmp_path / "settings.json").write_text("[]")
    with pytest.raises(LakeError, match="is no record of an autoencoder"):
        load_autoencoder(tmp_path / "weights.pt")
    record = json.loads((undisturbed.weights.parent / "settings.json").read_text())
    record["settings"]["n_latents"] = 5
    (tmp_path / "settings.json").write_text(json.dumps(record))
    write_weights(tmp_path / "weights.pt", read_weights(undisturbed.weights))
    with pytest.raises(LakeError, match=r"weights\.pt does not fit the autoencoder"):
        load_autoencoder(tmp_path / "weights.pt")
