"""The engine's options, each against a loop by hand or torch's own counterpart."""

import functools
import shutil
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.device import find_precision
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.training import loop
from musqa_pipeline.learning.training.callbacks import WeightAverage
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.learner import Learner, make_optimizer
from tests.learning import tiny
from tests.learning.tiny import SETTINGS, train_tiny

from lightning.pytorch import Trainer  # isort: skip
from lightning.pytorch.plugins.precision import MixedPrecision  # isort: skip

OPTIONS = replace(
    SETTINGS,
    max_epochs=5,
    learning_rate_schedule="cosine",
    warmup_epochs=1,
    weight_decay=0.2,
    weight_average_decay=0.8,
    gradient_clip_norm=0.5,
)
ON_CPU = replace(OPTIONS, device="cpu")
"""Whose chance and rounding are those of a loop without Lightning."""


def by_hand(settings):
    """Train with torch's AdamW, clipping and averaged model; return losses, best average, norms."""
    torch.manual_seed(derive_seed("models.weights", 0, "tiny"))
    network = tiny.Tiny()
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}],
        weight_decay=0.2, eps=1e-7,
    )  # fmt: skip
    average = AveragedModel(
        network, avg_fn=lambda mean, now, n: torch.lerp(now, mean, float(min(0.8, n / (9 + n))))
    )
    average.update_parameters(network)  # the first call copies
    norms, losses, best = [], [], None
    for epoch, rate in enumerate(
        [0.005, 0.01, *(0.005 * (1 + np.cos(np.pi * k / 4)) for k in (1, 2, 3))]
    ):
        for group in optimizer.param_groups:
            group["lr"] = rate
        network.train()
        for batch, (images, quality) in enumerate(tiny.train_batches(epoch)):
            torch.manual_seed(derive_seed("models.batch", 0, epoch, batch))
            loss = ((network(torch.from_numpy(images)) - torch.from_numpy(quality)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5).item())
            optimizer.step()
            average.update_parameters(network)
        images, quality = tiny.make_images(tiny.N_VALIDATION, 2)
        with torch.no_grad():
            predicted = average.module.eval()(torch.from_numpy(images)).numpy()
        losses.append(float(((predicted - quality) ** 2).mean()))
        if losses[-1] == min(losses):
            best = {name: tensor.clone() for name, tensor in average.module.state_dict().items()}
    assert settings.max_epochs == len(losses)
    return losses, best, norms


def test_all_options_together_equal_a_loop_written_by_hand(tmp_path):
    result = train_tiny(tmp_path, ON_CPU)
    losses, best, norms = by_hand(ON_CPU)
    assert max(norms) > 0.5  # something was clipped
    np.testing.assert_allclose(result.curves["validation_loss"], losses, rtol=1e-4)
    assert result.best_epoch == int(np.argmin(losses))
    for name, tensor in read_weights(result.weights).items():
        torch.testing.assert_close(tensor, best[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_a_resumed_run_with_all_options_equals_an_undisturbed_one(tmp_path, precision):
    def interrupt(metrics):
        if metrics["epoch"] == 2:
            raise KeyboardInterrupt

    settings = replace(OPTIONS, precision=precision)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "resumed", settings, on_epoch=interrupt)
    resumed = train_tiny(tmp_path / "resumed", settings)
    undisturbed = train_tiny(tmp_path / "undisturbed", settings)
    assert resumed.curves == undisturbed.curves
    first, second = read_weights(resumed.weights), read_weights(undisturbed.weights)
    assert all(torch.equal(first[name], second[name]) for name in second)
    ends = [torch.load(r.weights.parent / "checkpoint.ckpt") for r in (resumed, undisturbed)]
    for part in ("state_dict", "current_model_state"):
        for name, tensor in ends[1][part].items():
            assert torch.equal(ends[0][part][name], tensor)


def test_prediction_and_validation_use_the_average_and_training_the_weights(tmp_path):
    train_tiny(tmp_path, replace(OPTIONS, max_epochs=1, warmup_epochs=0, device="cpu"))
    checkpoint = torch.load(tmp_path / "checkpoint.ckpt")
    used = load_model(tmp_path).state_dict()
    for name, tensor in used.items():
        assert torch.equal(tensor, checkpoint["state_dict"][f"network.{name}"])
        assert not torch.equal(tensor, checkpoint["current_model_state"][f"network.{name}"])


def test_bfloat16_rounds_and_still_learns(tmp_path):
    # On a CPU: a GPU drops out other cells in bfloat16.
    settings = replace(SETTINGS, max_epochs=2, device="cpu")
    exact = train_tiny(tmp_path / "32", settings)
    mixed = train_tiny(tmp_path / "16", replace(settings, precision="bf16-mixed"))
    assert mixed.curves["loss"] != exact.curves["loss"]
    np.testing.assert_allclose(mixed.curves["loss"], exact.curves["loss"], rtol=0.05)


@pytest.mark.parametrize(
    ("has", "told_to", "expected"),
    [
        ({}, None, "32"),
        ({"avx512_bf16": False, "amx_tile": False}, None, "32"),
        ({"avx512_bf16": True, "amx_tile": False}, None, "bf16-mixed"),
        ({"avx512_bf16": True, "amx_tile": True}, None, "32"),
        ({"avx512_bf16": True, "amx_tile": True}, "AVX512_CORE_BF16", "bf16-mixed"),
    ],
    ids=str,
)
def test_auto_is_bfloat16_on_a_cpu_that_multiplies_it_without_tiles(
    has, told_to, expected, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    if told_to:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", told_to)
    assert find_precision("auto", torch.device("cpu")) == expected


def test_bfloat16_is_refused_on_a_cpu_that_would_use_amx_tiles(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_tile": True})
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    with pytest.raises(SettingsError, match=r"start musqa with ONEDNN_MAX_CPU_ISA=AVX512_CORE"):
        find_precision("bf16-mixed", cpu)
    assert find_precision("32", cpu) == "32"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    assert find_precision("bf16-mixed", cpu) == "bf16-mixed"
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_tile": False})
    assert find_precision("bf16-mixed", cpu) == "bf16-mixed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_float16_without_a_gpu_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"precision='16-mixed' needs a GPU, and there is none"):
        train_tiny(tmp_path, replace(SETTINGS, precision="16-mixed"))


def test_the_average_keeps_norms_and_counters_and_gives_the_weights_back():
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    learner, trainer = Learner(network), SimpleNamespace(global_step=1)
    average = WeightAverage(0.5)
    average.setup(trainer, learner, "fit")
    average.on_fit_start(trainer, learner)
    before = {name: t.clone() for name, t in network.state_dict().items()}
    network(torch.ones(4, 3) * torch.arange(4.0)[:, None])
    after = {name: t.clone() for name, t in network.state_dict().items()}
    average.on_train_batch_end(trainer, learner, None, None, 0)  # the first decay is 1 / 10
    used = {name: t.clone() for name, t in average.network.state_dict().items()}
    mean = "1.running_mean"
    assert not torch.equal(before[mean], after[mean])
    torch.testing.assert_close(used[mean], 0.1 * before[mean] + 0.9 * after[mean])
    assert used["1.num_batches_tracked"] == 1
    average.on_validation_epoch_start(trainer, learner)
    assert all(torch.equal(t, used[name]) for name, t in network.state_dict().items())
    average.on_validation_epoch_end(trainer, learner)
    assert all(torch.equal(t, after[name]) for name, t in network.state_dict().items())


def test_adam_moves_only_what_needs_a_gradient_and_decay_spares_vectors():
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    network[0].requires_grad_(False)
    plain = make_optimizer(network, TrainingSettings(learning_rate=0.1))
    assert type(plain) is torch.optim.Adam
    assert plain.defaults["lr"] == 0.1
    assert [p.shape for p in plain.param_groups[0]["params"]] == [(1, 2), (1,)]
    decayed = make_optimizer(network, TrainingSettings(weight_decay=0.3))
    assert type(decayed) is torch.optim.AdamW
    assert [(len(g["params"]), g["weight_decay"]) for g in decayed.param_groups] == [
        (1, 0.3),
        (1, 0),
    ]


@pytest.mark.parametrize(
    ("precision", "clip", "fused"),
    [("16-mixed", 0.0, True), ("16-mixed", 1.0, False), ("32", 1.0, True)],
)
def test_float16_is_clipped_by_an_optimizer_that_does_not_unscale_itself(precision, clip, fused):
    settings = TrainingSettings(precision=precision, gradient_clip_norm=clip)
    optimizer = make_optimizer(torch.nn.Linear(2, 1), settings)
    assert optimizer.defaults["fused"] is fused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"precision": "64"},
            r"precision='64': expected one of 'auto', '32', 'bf16-mixed', '16-mixed'; ed",
        ),
        (
            {"learning_rate_schedule": "step"},
            r"schedule='step': expected one of 'plateau', 'cosine",
        ),
        ({"warmup_epochs": 300}, "warmup_epochs=300: expected 0 or more, and below max_epochs"),
        ({"weight_decay": -0.1}, r"weight_decay=-0.1: expected in \[0, 1\)"),
        ({"weight_average_decay": 1.0}, r"weight_average_decay=1.0: expected in \[0, 1\)"),
        ({"gradient_clip_norm": -1.0}, "gradient_clip_norm=-1.0: expected 0 or more"),
        ({"devices": 0}, "devices=0: expected at least 1"),
    ],
)
def test_options_out_of_range_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        ModelsSettings(**changes)


def test_a_recipe_names_an_option_only_once_it_is_used():
    plain = ModelsSettings().recipe()
    assert {"seed", "batch_size", "learning_rate", "max_epochs"} < set(plain)
    assert not {"names", "recipes", "precision", "weight_decay", "devices"} & set(plain)
    assert set(ModelsSettings(weight_decay=0.1).recipe()) - set(plain) == {"weight_decay"}


def test_a_training_has_the_names_and_defaults_of_the_section():
    section = ModelsSettings()
    found_out = {"body_architecture"}
    shared = [f for f in fields(TrainingSettings) if f.name not in found_out]
    assert len(shared) == len(fields(TrainingSettings)) - 1
    assert all(getattr(section, f.name) == f.default for f in shared)
    assert TrainingSettings.of(asdict(replace(section, seed=3))) == TrainingSettings(seed=3)


def test_the_loss_scaling_of_float16_goes_on_where_it_was(tmp_path, monkeypatch):
    scalers = []

    def make_trainer(**arguments):
        scalers.append(torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3))
        arguments["plugins"].append(MixedPrecision("16-mixed", "cpu", scalers[-1]))
        return Trainer(**{**arguments, "precision": None})

    def interrupt(metrics):
        if metrics["epoch"] == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.pl, "Trainer", make_trainer)
    settings = replace(SETTINGS, max_epochs=4)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "resumed", settings, on_epoch=interrupt)
    assert scalers[0].get_scale() > 1024.0
    resumed = train_tiny(tmp_path / "resumed", settings)
    undisturbed = train_tiny(tmp_path / "undisturbed", settings)
    assert scalers[1].get_scale() == scalers[2].get_scale() > scalers[0].get_scale()
    assert resumed.curves == undisturbed.curves


def test_a_run_that_an_earlier_version_began_goes_on_to_the_same_end(tmp_path):
    shutil.copytree(Path(__file__).parent / "format_1", tmp_path / "old")
    before = torch.load(tmp_path / "old" / "checkpoint.ckpt")
    epochs = []
    options = asdict(ON_CPU)
    del options["body_architecture"]  # no option: it is found out
    section = ModelsSettings(batch_size=tiny.BATCH_SIZE, **options)
    train_it = functools.partial(train_tiny, settings=ON_CPU, identity=section.recipe())
    resumed = train_it(tmp_path / "old", on_epoch=lambda metrics: epochs.append(metrics["epoch"]))
    undisturbed = train_it(tmp_path / "new")
    assert (before["format"], epochs) == (1, [3, 4])
    assert resumed.curves["validation_loss"][:3] == before["history"]["validation_losses"]
    for name, values in undisturbed.curves.items():
        np.testing.assert_allclose(resumed.curves[name], values, rtol=1e-4)
    ends = [torch.load(r.weights.parent / "checkpoint.ckpt") for r in (resumed, undisturbed)]
    for part in ("state_dict", "current_model_state"):
        torch.testing.assert_close(ends[0][part], ends[1][part], rtol=1e-4, atol=1e-5)
    moments = [end["optimizer_states"][0]["state"] for end in ends]
    torch.testing.assert_close(*moments, rtol=1e-4, atol=1e-6)
    assert ends[0]["averaging_state"]["n_averaged"] == ends[1]["averaging_state"]["n_averaged"]
    again = train_it(tmp_path / "old")
    assert again == resumed
