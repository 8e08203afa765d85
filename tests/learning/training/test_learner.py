"""Networks of more than one module, optimizer, input or kind of target."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.entry import InputSpec, ModelEntry
from musqa_pipeline.learning.training.checkpoint import VALIDATION, read_weights
from musqa_pipeline.learning.training.learner import Supervised
from musqa_pipeline.learning.training.train import train
from tests.learning import tiny
from tests.learning.killed import kill_in_the_middle
from tests.learning.training import toy_pair
from tests.learning.training.toy_pair import train_pair


@pytest.mark.parametrize("average", ["none", "average"])
def test_an_adversarial_pair_killed_and_resumed_equals_an_undisturbed_one_bit_for_bit(
    tmp_path, average
):
    decay = 0.8 if average == "average" else 0.0
    settings = replace(toy_pair.SETTINGS, weight_average_decay=decay)
    said, complaints = kill_in_the_middle(
        "tests.learning.training.toy_pair", tmp_path / "killed", average
    )
    assert said[0].startswith("pair: epoch 1 of at most 5, discriminator ")
    assert (len(said), complaints) == (3, "")
    torch.manual_seed(12345)
    epochs = []
    resumed = train_pair(tmp_path / "killed", settings, on_epoch=epochs.append)
    undisturbed = train_pair(tmp_path / "undisturbed", settings)
    assert [metrics["epoch"] for metrics in epochs] == [3, 4]
    assert resumed.curves == undisturbed.curves
    assert resumed.curves.keys() == {"discriminator", "generator", "learning_rate"}
    weights = [read_weights(result.weights) for result in (resumed, undisturbed)]
    assert {name.partition(".")[0] for name in weights[0]} == {"generator", "discriminator"}
    ends = [torch.load(r.weights.parent / "checkpoint.ckpt") for r in (resumed, undisturbed)]
    assert len(ends[0]["optimizer_states"]) == 2
    for left, right in (
        weights,
        [end["state_dict"] for end in ends],
        [end["optimizer_states"] for end in ends],
    ):
        torch.testing.assert_close(left, right, rtol=0, atol=0)
    assert ends[0]["global_step"] == ends[1]["global_step"] == 5 * (4 + 2)


def test_without_validation_all_epochs_are_trained_and_the_last_weights_kept(tmp_path):
    settings = replace(toy_pair.SETTINGS, stop_patience_epochs=1, learning_rate_patience_epochs=1)
    lines, epochs = [], []
    result = train_pair(tmp_path, settings, log=lines.append, on_epoch=epochs.append)
    assert (result.finished, result.epochs, result.best_epoch) == (True, 5, 4)
    assert math.isnan(result.best_validation_loss)
    assert result.curves["learning_rate"] == [1e-2] * 5  # the pair keeps rates of its own
    stored = torch.load(tmp_path / "checkpoint.ckpt")["state_dict"]
    for name, tensor in read_weights(result.weights).items():
        assert torch.equal(tensor, stored[f"network.{name}"].cpu())
    assert "validation" not in lines[0]
    assert not {"rmse", "validation_loss", "best_validation_loss"} & epochs[0].keys()
    assert epochs[0]["generator"] == result.curves["generator"][0]


class Answers(nn.Module):
    """Answers as many numbers as it is told, to one input or several."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)

    def forward(self, inputs):
        parts = inputs if isinstance(inputs, tuple) else (inputs,)
        return self.layer(torch.cat([part.flatten(1) for part in parts], dim=1))


def class_error(network, inputs, classes, reduction="mean"):
    assert classes.dtype == torch.int64
    return functional.cross_entropy(network(inputs), classes, reduction=reduction)


def distribution_error(network, inputs, wanted, reduction="batchmean"):
    assert wanted.dtype == torch.float32
    found = functional.log_softmax(network(inputs), dim=1)
    errors = functional.kl_div(found, wanted, reduction=reduction)
    return errors.sum(1) if reduction == "none" else errors


def reconstruction_error(network, inputs, targets, reduction="mean"):
    assert targets is None
    errors = (network(inputs) - inputs.flatten(1)).square().mean(1)
    return errors.mean() if reduction == "mean" else errors


class Validated(Supervised):
    """Looks at the loss of each example."""

    def validation_step(self, batch, batch_idx):
        errors = self._loss(self.network, batch.inputs, batch.targets, reduction="none")
        self.add(VALIDATION, errors[: batch.n_own].double().sum(), batch.n_own)


def made_up(kind, n=24):
    generator = np.random.default_rng(5)
    waves = generator.standard_normal((n, 40))
    loud = (waves[:, :20].std(1) > waves[:, 20:].std(1)).astype(np.int64)
    return {
        "waveforms to classes": (waves, loud),
        "pairs to distributions": (
            (waves.astype(np.float32), waves[:, :10].reshape(n, 5, 2)),
            np.stack([loud, 1 - loud], axis=1).astype(np.float64),
        ),
        "images to nothing": (waves.reshape(n, 8, 5), None),
    }[kind]


KINDS = {
    "waveforms to classes": (((40,),), class_error, 2),
    "pairs to distributions": (((40,), (5, 2)), distribution_error, 2),
    "images to nothing": (((8, 5),), reconstruction_error, 40),
}


def entry_of(kind):
    shapes, error, n_out = KINDS[kind]
    n_in = sum(math.prod(shape) for shape in shapes)
    return ModelEntry(
        kind, lambda settings: Answers(n_in, n_out), InputSpec(others=shapes),
        learner=functools.partial(Validated, loss=error),
    )  # fmt: skip


def train_kind(kind, folder, inputs, targets):
    def batches(epoch=0):
        for first in (0, 16):
            rows = slice(first, first + 16)
            several = isinstance(inputs, tuple)
            part = tuple(each[rows] for each in inputs) if several else inputs[rows]
            yield part, None if targets is None else targets[rows]

    return train(
        kind, entry=entry_of(kind), train_batches=batches, validation_batches=batches,
        settings=replace(tiny.SETTINGS, max_epochs=3), folder=folder, log=lambda line: None,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_and_targets_of_each_kind_are_learned_and_validated(tmp_path, kind):
    inputs, targets = made_up(kind)
    result = train_kind(kind, tmp_path, inputs, targets)
    losses = result.curves["validation_loss"]
    assert losses[2] < losses[0]
    network = entry_of(kind).build(tiny.SETTINGS)
    network.load_state_dict(read_weights(result.weights))
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    tensors = tuple(torch.as_tensor(each, dtype=torch.float32) for each in several)
    if targets is not None:
        targets = torch.as_tensor(targets)
        targets = targets.float() if targets.is_floating_point() else targets
    with torch.no_grad():
        given = tensors if isinstance(inputs, tuple) else tensors[0]
        mean = KINDS[kind][1](network, given, targets, reduction="none").mean().item()
    assert result.best_validation_loss == pytest.approx(mean, rel=1e-5)


def test_inputs_of_another_shape_are_refused_by_all_their_shapes(tmp_path):
    (first, second), targets = made_up("pairs to distributions")
    with pytest.raises(
        SettingsError, match=r"shapes \(\(40,\), \(2, 5\)\): expected \(\(40,\), \(5, 2\)\)"
    ):
        train_kind("pairs to distributions", tmp_path, (first, second.reshape(-1, 2, 5)), targets)
