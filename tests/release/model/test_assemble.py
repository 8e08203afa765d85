"""Where the networks of a release answer; the rest is tested with the stage."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.release.model import assemble

IMAGE = np.arange(6, dtype=np.uint8).reshape(2, 3)
SAID = pl.DataFrame(
    {
        "asked": ["out_of_fold", "out_of_fold", "of_the_model"], "catalog": "music",
        "excerpt_id": ["a", "b", "a"], "split_group": ["a", "b", "a"], "fold": ["0", "1", "2"],
    }
)  # fmt: skip


class Brightness(nn.Module):
    """Says two qualities, whose weights follow the mean of the image."""

    def __init__(self, fold):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float(fold) + 1))

    def steps(self):
        return [0.0, 1.0]

    def inputs(self, images):
        return (torch.from_numpy(images),)

    def forward(self, images):
        weight = images.to(torch.float32).flatten(1).mean(dim=1) * self.scale / 10
        return torch.stack([1 - weight, weight], dim=1), weight


def anchors_of(device, monkeypatch):
    """The networks that were asked, and what they say, by fold."""
    networks, answers = [], []

    def scoring_network(context, fold):
        networks.append(Brightness(fold))
        return networks[-1]

    def score(context, predict, *_):
        answers.append(predict(IMAGE) if device == "cpu" else 0.0)
        return pl.DataFrame({"answer": answers[-1:]})

    monkeypatch.setattr(assemble, "_scoring_network", scoring_network)
    monkeypatch.setattr(assemble, "score_lowpasses", score)
    models = SimpleNamespace(device=device)
    context = SimpleNamespace(preset=SimpleNamespace(models=models))
    found = assemble._anchors(context, SAID, SAID)
    return networks, found["answer"].to_list()


def test_anchors_are_asked_on_the_device_of_the_preset(monkeypatch):
    _, answers = anchors_of("cpu", monkeypatch)
    assert answers == pytest.approx([0.25, 0.5])  # 2.5 / 10, and of the second fold twice that
    with pytest.raises(SettingsError, match=r"torch sees .*; use cpu"):
        anchors_of("cuda:63", monkeypatch)
    monkeypatch.setattr(assemble, "find_device", {"cuda:1": torch.device("meta")}.__getitem__)
    networks, _ = anchors_of("cuda:1", monkeypatch)
    assert [network.scale.device.type for network in networks] == ["meta", "meta"]
