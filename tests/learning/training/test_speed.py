from dataclasses import replace

import pytest
import torch

from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.learning.training import speed
from musqa_pipeline.learning.training.environment import describe_environment
from musqa_pipeline.learning.training.train import train
from tests.learning import tiny


class OneLayer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stays = torch.nn.Linear(6, 5).requires_grad_(False)
        self.moves = torch.nn.Linear(5, 1)

    def forward(self, images):
        return self.moves(self.stays(images.mean(1))).squeeze(1)


def test_operations_are_those_of_the_products_forward_and_backward():
    entry = ModelEntry("one", lambda settings: OneLayer(), InputSpec(8, 6))
    # Forward 2 * (6 * 5 + 5 * 1); backward of what moves 2 * 5 * 1; what stays has none.
    assert speed.training_flops_per_image(entry, TrainingSettings()) == 2 * (30 + 5) + 2 * 5


def test_behind_a_frozen_stem_only_the_head_counts():
    settings = TrainingSettings(backbone_weights="random")
    flops = speed.training_flops_per_image(find_model("inception_v3_frozen_stem"), settings)
    first, rest = 1000 * 256, 256 * 128 + 128
    # Forward, and back to the weights of all three layers and to the inputs of the last two.
    assert flops == 2 * (2 * first + 3 * rest)


@pytest.mark.parametrize(
    ("card", "precision", "tf32", "peak"),
    [
        ("NVIDIA H200", "bf16-mixed", True, 989.4e12),
        ("NVIDIA H100 80GB HBM3", "32", True, 494.7e12),
        ("NVIDIA H100 PCIe", "16-mixed", False, 756e12),
        ("NVIDIA A100-SXM4-80GB", "32", False, 19.5e12),
        ("NVIDIA L4", "bf16-mixed", False, 121e12),
        ("NVIDIA L40S", "bf16-mixed", False, 362e12),
        ("Tesla T4", "16-mixed", False, 65e12),
        ("Tesla T4", "bf16-mixed", False, None),
        ("GeForce GTX 970", "32", False, None),
    ],
)
def test_peaks_are_those_of_the_data_sheets_and_unknown_cards_have_none(
    card, precision, tf32, peak
):
    assert speed.peak_flop_per_s(card, precision, tf32=tf32) == peak


def make_believe(monkeypatch, card):
    """Let torch name a GPU that is not there, to those who only ask for its name."""
    monkeypatch.setattr(speed.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(speed.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(speed.torch.cuda, "get_device_name", lambda index: card)


def test_a_card_that_is_known_gives_a_share_and_another_one_none(monkeypatch):
    settings = TrainingSettings(precision="bf16-mixed", devices=2)
    cnn = find_model("cnn1d")
    assert speed.share_here(cnn, replace(settings, device="cpu"), 1000.0) is None
    make_believe(monkeypatch, "NVIDIA H200")
    flops = speed.training_flops_per_image(cnn, settings)
    assert 1e9 < flops < 3e9  # about 3 times the 0.47 G of a forward pass
    assert speed.share_here(cnn, settings, 1000.0) == pytest.approx(flops * 500 / 989.4e12)
    alone = TrainingSettings(precision="bf16-mixed")
    assert speed.share_here(cnn, alone, 1000.0) == pytest.approx(flops * 1000 / 989.4e12)
    make_believe(monkeypatch, "GeForce GTX 970")
    assert speed.share_here(cnn, settings, 1000.0) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpus_arithmetic_is_part_of_the_environment(monkeypatch):
    assert "cudnn" not in describe_environment(1, find_device())
    assert describe_environment(1, find_device())["precision"] == "32"
    make_believe(monkeypatch, "NVIDIA H200")
    found = describe_environment(1, find_device(), "16-mixed")
    assert (found["device"], found["precision"]) == ("NVIDIA H200", "16-mixed")
    assert found["tf32_convolutions"] is torch.backends.cudnn.allow_tf32
    assert found["float32_matmul_precision"] == "highest"
    assert {"cudnn", "cudnn_benchmark", "cudnn_deterministic", "n_gpus"} < set(found)


def test_every_epoch_says_its_speed(tmp_path):
    epochs, lines = [], []
    result = train(
        "tiny", entry=tiny.ENTRY, settings=replace(tiny.SETTINGS, device="cpu"),
        train_batches=tiny.train_batches, validation_batches=tiny.validation_batches,
        folder=tmp_path, log=lines.append, on_epoch=epochs.append,
    )  # fmt: skip
    speeds = [epoch["images_per_s"] for epoch in epochs]
    # Training alone: faster than all images over the whole epoch's time.
    assert all(s > tiny.N_TRAIN / e["seconds"] for s, e in zip(speeds, epochs, strict=True))
    assert min(speeds) <= result.environment["images_per_s"] <= max(speeds)
    assert result.environment["share_of_peak"] == "unknown"
    assert all("share_of_peak" not in epoch for epoch in epochs)
    assert all(line.endswith(" images/s") for line in lines)
