"""What validates networks of quality, and two rates for a body and what follows it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.entry import ModelEntry
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.learner import make_optimizer
from musqa_pipeline.learning.training.train import train
from tests.learning import tiny

SETTINGS = replace(tiny.SETTINGS, learning_rate=0.02, body_learning_rate=0.002)
CORRELATED = replace(tiny.SETTINGS, stop_on="loss_or_correlation", kept_weights="last")


class Divided(nn.Module):
    """A body, and a layer that follows it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(48, 12)
        self.out = nn.Linear(12, 1)

    def forward(self, images):
        return self.out(torch.relu(self.body(images.flatten(1)))).squeeze(1)


DIVIDED = ModelEntry("divided", lambda settings: Divided(), tiny.SPEC)
ABSOLUTE = replace(DIVIDED, error="absolute")


def trained(folder, settings, entry=DIVIDED, **changes):
    arguments = {
        "train_batches": tiny.train_batches,
        "validation_batches": tiny.validation_batches,
        "log": lambda line: None,
        **changes,
    }
    return train("divided", entry=entry, settings=settings, folder=folder, **arguments)


def answers_of(result):
    """Answer in the batches of validation: other sizes round otherwise on some processors."""
    network = Divided()
    network.load_state_dict(read_weights(result.weights))
    batches = list(tiny.validation_batches())
    with torch.no_grad():
        answers = [network(torch.from_numpy(images)).numpy() for images, _ in batches]
    quality = np.concatenate([quality for _, quality in batches])
    return np.concatenate(answers).astype(np.float64), quality


def test_both_rates_follow_the_schedule_as_in_a_loop_by_hand(tmp_path):
    result = trained(tmp_path, SETTINGS)
    rates = result.curves["learning_rate"]
    assert rates[0] == 0.02
    assert min(rates) < 0.02  # the plateau was met
    torch.manual_seed(derive_seed("models.weights", 0, "divided"))
    network = Divided()
    optimizer = torch.optim.Adam(
        [{"params": network.out.parameters()}, {"params": network.body.parameters()}], eps=1e-7
    )
    for epoch, rate in enumerate(rates[: result.best_epoch + 1]):
        for group, share in zip(optimizer.param_groups, (1.0, 0.1), strict=True):
            group["lr"] = rate * share
        for images, quality in tiny.train_batches(epoch):
            answers = network(torch.from_numpy(images))
            optimizer.zero_grad()
            functional.mse_loss(answers, torch.from_numpy(quality)).backward()
            optimizer.step()
    for name, tensor in read_weights(result.weights).items():
        torch.testing.assert_close(tensor, network.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_adams_first_step_is_a_rate_long_in_each_part():
    network = Divided()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimizer = make_optimizer(network, SETTINGS)
    sum(p.sum() for p in network.parameters()).backward()  # a gradient of 1 everywhere
    optimizer.step()
    for name, parameter in network.named_parameters():
        rate = 0.002 if name.startswith("body") else 0.02
        torch.testing.assert_close(before[name] - parameter, torch.full_like(parameter, rate))


def test_decay_spares_vectors_of_both_parts():
    groups = make_optimizer(Divided(), replace(SETTINGS, weight_decay=0.3)).param_groups
    assert [(g["lr"], g["weight_decay"], [p.ndim for p in g["params"]]) for g in groups] == [
        (0.02, 0.3, [2]), (0.02, 0.0, [1]), (0.002, 0.3, [2]), (0.002, 0.0, [1]),
    ]  # fmt: skip


def test_a_network_without_a_body_has_no_rate_for_it():
    with pytest.raises(SettingsError, match=r"body_learning_rate=0\.002: this network is not div"):
        make_optimizer(tiny.Tiny(), SETTINGS)


def test_absolute_errors_are_trained_and_judged_where_the_entry_says_so(tmp_path):
    told = []
    settings = replace(tiny.SETTINGS, max_epochs=1)
    result = trained(tmp_path, settings, ABSOLUTE, on_epoch=told.append)
    answers, quality = answers_of(result)
    assert result.best_validation_loss == pytest.approx(np.abs(answers - quality).mean(), rel=1e-5)
    assert told[0]["validation_loss"] == result.best_validation_loss
    assert not {"rmse", "validation_rmse"} & told[0].keys()
    torch.manual_seed(derive_seed("models.weights", 0, "divided"))
    network = Divided()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, eps=1e-7)
    for images, quality in tiny.train_batches(0):
        answers = network(torch.from_numpy(images))
        optimizer.zero_grad()
        (answers - torch.from_numpy(quality)).abs().mean().backward()
        optimizer.step()
    for name, tensor in read_weights(result.weights).items():
        torch.testing.assert_close(tensor, network.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_the_correlation_is_pearsons_over_all_batches(tmp_path):
    told, lines = [], []
    result = trained(
        tmp_path, replace(CORRELATED, max_epochs=3), on_epoch=told.append, log=lines.append
    )
    expected = np.corrcoef(*answers_of(result))[0, 1]
    assert result.curves["validation_r"][-1] == pytest.approx(expected, rel=1e-6)
    assert told[-1]["validation_r"] == result.curves["validation_r"][-1]
    assert f"validation r {expected:.5f}, learning rate" in lines[-1]
    assert "(best" in lines[-1].split(", ")[2]  # behind the validation loss


def test_the_correlation_of_answers_that_are_all_equal_is_0(tmp_path):
    class Constant(Divided):
        def forward(self, images):
            return 0 * super().forward(images) + 0.3

    entry = replace(DIVIDED, build=lambda settings: Constant())
    result = trained(tmp_path, replace(CORRELATED, max_epochs=1), entry)
    assert result.curves["validation_r"] == [0.0]


def anticorrelated():
    """Labels turned round: the better a network learns, the lower is the correlation."""
    for images, quality in tiny.validation_batches():
        yield images, 1 - quality


def test_a_training_ends_when_neither_loss_nor_correlation_improve(tmp_path):
    settings = replace(CORRELATED, max_epochs=40, stop_patience_epochs=3)
    result = trained(tmp_path / "whole", settings, validation_batches=anticorrelated)
    losses, correlations = (result.curves[f"validation_{name}"] for name in ("loss", "r"))
    last = max(int(np.argmin(losses)), int(np.argmax(correlations)))
    assert result.finished
    assert result.epochs == last + 1 + 3 < 40
    short = replace(settings, max_minutes=1e-9)
    ended = trained(tmp_path / "parts", short, validation_batches=anticorrelated)
    assert (ended.finished, ended.epochs) == (False, 1)
    again = trained(tmp_path / "parts", settings, validation_batches=anticorrelated)
    assert again.curves == result.curves


def test_without_that_setting_no_correlation_is_kept(tmp_path):
    result = trained(tmp_path, replace(tiny.SETTINGS, max_epochs=1))
    assert set(result.curves) == {"loss", "validation_loss", "learning_rate"}
