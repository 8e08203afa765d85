"""NISQA's convolutions are pre-trained, killed, resumed, and read."""

import json
import math
import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.nisqa import ConvMaxPool, FramewiseNetwork
from musqa_pipeline.learning.pretraining.degradation_classifier import (
    train_degradation_classifier,
    validating,
)
from musqa_pipeline.learning.pretraining.framewise_autoencoder import train_framewise_autoencoder
from musqa_pipeline.learning.pretraining.framewise_run import (
    AUTOENCODER,
    CLASSIFIER,
    DCEC,
    NAMES,
    read_body,
)
from musqa_pipeline.learning.training.checkpoint import read_weights, write_json, write_weights
from tests import ROOT
from tests.learning.pretraining.tiny_framewise import QUIET, TINY, WINDOWS, textures, train_tiny

CURVES = {
    AUTOENCODER: {"loss"},
    DCEC: {"loss", "kl", "mse", "changed_fraction", "settled"},
    CLASSIFIER: {"loss", "accuracy", "validation_loss", "validation_accuracy"},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return {name: train_tiny(name, folder) for name in NAMES}


def folder_of(result):
    return result.weights.parent


@pytest.fixture(scope="module")
def killed(tmp_path_factory, undisturbed):
    folder = tmp_path_factory.mktemp("killed")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.learning.pretraining.tiny_framewise", str(folder),
         str(folder_of(undisturbed[AUTOENCODER]))],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    _, complaints = child.communicate(timeout=30)
    assert (said, child.returncode) == ("middle\n", -signal.SIGKILL), complaints
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_training_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(
    killed, undisturbed, name
):
    if name == DCEC:  # the next renewal comes after six
        checkpoint = torch.load(killed / name / "checkpoint.ckpt")
        assert checkpoint["global_step"] == 4
        assert checkpoint["state_dict"]["changed_fraction"] == 1.0
    epochs = []
    torch.manual_seed(12345)
    resumed = train_tiny(
        name, killed, on_epoch=epochs.append, autoencoder=folder_of(undisturbed[AUTOENCODER])
    )
    assert [m["epoch"] for m in epochs] == list(range(2, undisturbed[name].epochs))
    assert resumed.curves == undisturbed[name].curves
    ends = [torch.load(folder_of(r) / "checkpoint.ckpt") for r in (resumed, undisturbed[name])]
    for part in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(ends[0][part], ends[1][part], rtol=0, atol=0)
    assert resumed.weights.read_bytes() == undisturbed[name].weights.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_training_has_curves_and_its_body_comes_back(undisturbed, name):
    result = undisturbed[name]
    assert result.finished
    assert result.model == name
    assert result.curves.keys() == CURVES[name] | {"learning_rate"}
    assert {len(values) for values in result.curves.values()} == {6 if name == DCEC else 4}
    assert set(result.curves["learning_rate"]) == {1e-3}
    body = read_body(folder_of(result))
    weights = read_weights(result.weights)
    torch.testing.assert_close(
        body, {n[5:]: t for n, t in weights.items() if n[:5] == "body."}, rtol=0, atol=0
    )
    network = ConvMaxPool()
    network.body.load_state_dict(body)
    FramewiseNetwork(16).load_state_dict(body)


@pytest.mark.parametrize("name", NAMES)
def test_another_training_is_refused_and_names_what_differs(undisturbed, name):
    with pytest.raises(LakeError, match=r"another training, which differs in batch_size; delete"):
        train_tiny(
            name, folder_of(undisturbed[name]).parent, replace(TINY[name], batch_size=5)
        )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_unfinished_training_has_no_body_yet(tmp_path, undisturbed, name):
    autoencoder = folder_of(undisturbed[AUTOENCODER])
    hasty = TrainingSettings(max_minutes=1e-9)
    result = train_tiny(name, tmp_path, training=hasty, autoencoder=autoencoder)
    assert not result.finished
    with pytest.raises(LakeError, match=f"a training of {name} that is not finished; let it go on"):
        read_body(tmp_path / name)


def test_a_body_of_another_network_is_refused(tmp_path, undisturbed):
    settings, curves = ({"model": "nisqa", "settings": {}}, {"loss": [1.0]})
    write_json(tmp_path / "settings.json", settings)
    with pytest.raises(LakeError, match="a training of 'nisqa', expected one of framewise_autoen"):
        read_body(tmp_path)
    with pytest.raises(LakeError, match=r"cannot read .*settings\.json: .*; train the network aga"):
        read_body(tmp_path / "nowhere")
    write_json(tmp_path / "settings.json", {"model": DCEC, "settings": {"max_epochs": 1}})
    with pytest.raises(LakeError, match=r"cannot read .*curves\.json: .*; train the network again"):
        read_body(tmp_path)
    write_json(tmp_path / "curves.json", curves)
    write_weights(tmp_path / "weights.pt", {"body.x": torch.zeros(1)})
    with pytest.raises(LakeError, match="does not fit the framewisenetwork of this version"):
        read_body(tmp_path)
    (tmp_path / "settings.json").write_text("[]")
    seals.remove(seals.seal_path(tmp_path / "settings.json"))
    with pytest.raises(LakeError, match="is no record of a training; train the network again"):
        read_body(tmp_path)


def test_the_mean_square_error_of_pieces_falls_below_that_of_a_mean(tmp_path):
    images = textures(240, 0, 1, 2)
    recipe = replace(TINY[AUTOENCODER], max_epochs=12)
    result = train_framewise_autoencoder(
        recipe, images=images, training=TrainingSettings(), folder=tmp_path, **QUIET
    )
    losses = result.curves["loss"]
    assert losses[-1] < 0.1 * losses[0]
    assert losses[-1] < 0.5 * np.var(np.stack(images) / 255)


def trained_on(tmp_path, classes):
    images = np.stack(textures(45, *np.arange(48) % 2, seed=3))
    recipe = replace(TINY[CLASSIFIER], batch_size=6, max_epochs=8, validation_fraction=0.25)
    return train_degradation_classifier(
        recipe, images=images, classes=classes, groups=np.arange(48) // 2,
        training=TrainingSettings(), folder=tmp_path, **QUIET,
    )  # fmt: skip


def test_classes_that_differ_are_told_apart_and_shuffled_ones_are_not(tmp_path):
    classes = np.arange(48) % 2
    learned = trained_on(tmp_path / "true", classes)
    assert learned.curves["validation_accuracy"][learned.best_epoch] == 1.0
    assert learned.best_validation_loss < 0.2
    shuffled = np.random.default_rng(0).permutation(classes)
    control = trained_on(tmp_path / "shuffled", shuffled)
    assert control.curves["validation_accuracy"][control.best_epoch] < 0.8
    assert control.best_validation_loss > 0.9 * math.log(2)


def test_early_stopping_keeps_the_best_weights(tmp_path):
    recipe = replace(TINY[CLASSIFIER], max_epochs=9, stop_patience_epochs=1, learning_rate=1e-30)
    result = train_tiny(CLASSIFIER, tmp_path, recipe)
    losses = result.curves["validation_loss"]
    assert result.finished
    assert result.best_epoch == np.argmin(losses) == len(losses) - 2
    assert read_body(tmp_path / CLASSIFIER)


@pytest.mark.long
def test_two_processes_pre_train_together(tmp_path):
    for name in NAMES:
        result = train_tiny(name, tmp_path, training=TrainingSettings(device="cpu", devices=2))
        assert result.finished
        assert all(tensor.isfinite().all() for tensor in read_weights(result.weights).values())


def test_recordings_validate_as_a_whole():
    groups = np.array(["b", "a", "c", "d"])[np.arange(40) % 4]
    chosen = validating(groups, 0.5, seed=1)
    whole = {name: set(chosen[groups == name].tolist()) for name in "abcd"}
    assert sorted(map(str, whole.values())) == ["{False}", "{False}", "{True}", "{True}"]
    assert len({validating(groups, 0.5, seed).tobytes() for seed in range(20)}) == 6
    for fraction, n in ((0.01, 1), (0.99, 3)):
        assert validating(groups, fraction, seed=0).sum() == 10 * n


def test_what_cannot_be_classified_is_refused(tmp_path):
    images, numbers = np.zeros((4, 60, 48), np.uint8), np.arange(4)
    for changes, text in (
        ({"groups": numbers * 0}, "4 excerpts of 1 recording, expected two at least, one to train"),
        ({"classes": numbers + 3}, "classes from 3 to 6, expected 0 to 5; give those of the rec"),
        ({"classes": numbers[:3]}, "4 images, 3 classes and 4 groups; expected as many of each"),
        ({"images": images[:, :, :40]}, "excerpts has frames of shape (40,) in uint8, expected (4"),
        ({"images": images / 255}, "frames of shape (48,) in float64, expected (48,) in uint8"),
    ):
        with pytest.raises(StageError, match=re.escape(text)):
            train_degradation_classifier(
                TINY[CLASSIFIER], training=TrainingSettings(), folder=tmp_path, **QUIET,
                **({"images": images, "classes": numbers, "groups": numbers} | changes),
            )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_the_record_of_a_run_says_its_recipe(undisturbed):
    for name in NAMES:
        record = json.loads((folder_of(undisturbed[name]) / "settings.json").read_text())
        assert record["data_fingerprint"] == "tiny"
        assert record["settings"]["piece_hop_frames"] == WINDOWS["piece_hop_frames"]
