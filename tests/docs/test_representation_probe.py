"""The probe of quality on made-up rows, whose images tell their label in one way and no other."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.autoencoders.latents import latents_of, pooled
from musqa_pipeline.learning.baselines.few_labels import few_labels
from musqa_pipeline.learning.baselines.simple import DESCRIPTORS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.studies.statistics.metrics import rmse
from tests.stages.autoencoders.small_representations import filled, with_settings

N_RECORDINGS, N_ROWS = 24, 3
SILENT = ("c", "r4-1")


@pytest.fixture(scope="module")
def script():
    import representation_probe

    return representation_probe


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    from representation_evidence import Evidence

    context = filled(tmp_path_factory.mktemp("probe"))
    context = with_settings(context, losses=["mse", "nlpd"], n_seeds=2, steps=2)
    run_stage(get_stage("autoencoders"), context)
    fingerprints = {**context.fingerprints, "features": "f" * 32}
    return Evidence(dataclasses.replace(context, fingerprints=fingerprints))


@pytest.fixture
def music(script, monkeypatch):
    """Rows whose images fade upward the more, the worse they are; descriptors tell nothing."""
    rng = np.random.default_rng(1)
    rows = pl.DataFrame(
        [
            {"catalog": "c", "excerpt_id": f"r{whose}", "degraded_id": f"r{whose}-{number}",
             "recording": f"song {whose}", "label": float(rng.uniform(0, 100))}
            for whose in range(N_RECORDINGS) for number in range(N_ROWS)
        ]
    )  # fmt: skip
    noise = rng.normal(size=(rows.height, len(DESCRIPTORS)))
    rows = rows.hstack(pl.DataFrame(noise, schema=list(DESCRIPTORS)))

    def images_of(evidence, some):
        for row in some.to_dicts():
            number = int(row["degraded_id"].replace("r", "").replace("-", ""))
            own = np.random.default_rng(number).random((256, 32))
            fade = np.linspace(1, row["label"] / 100, 256)[:, None]
            if (key := (row["catalog"], row["degraded_id"])) != SILENT:
                yield key, torch.from_numpy((own * fade).astype(np.float32))[None, None]

    monkeypatch.setattr(script, "drawn_rows", lambda evidence: rows)
    monkeypatch.setattr(script, "images_of", images_of)
    return rows


def test_rows_are_described_by_every_encoder_once(script, evidence, music, monkeypatch):
    found = script.probed(evidence)
    assert len(found["label"]) == N_RECORDINGS * N_ROWS - 1  # a silent row has no image
    kinds = script.by_kind(list(found))
    assert {kind: len(names) for kind, names in kinds.items()} == {
        "descriptive features": 1, "mean and SD of the bands": 1, "linear components": 1,
        "mse on white noise": 2, "nlpd on white noise": 2, "untrained": 2,
        "untrained, not rounded": 2,
    }  # fmt: skip
    assert [kind for kind in kinds if script.is_trained(kind)] == [
        "mse on white noise", "nlpd on white noise",
    ]  # fmt: skip
    network = script.encoders(evidence)["nlpd on white noise/1"]
    image = dict(script.images_of(evidence, music[:1]))["c", "r0-0"]
    expected = pooled(latents_of(network, image))[0].numpy()
    np.testing.assert_allclose(found["nlpd on white noise/1"][0], expected, atol=1e-5)
    monkeypatch.setattr(script, "images_of", None)  # what is kept is not made again
    again = script.probed(evidence)
    assert np.array_equal(again["linear components"], found["linear components"])


def test_the_gain_is_a_difference_on_the_same_rows(script, evidence, music, monkeypatch, capsys):
    found = script.probed(evidence)
    ridges = script.Ridges(found)
    apart = ridges.gain(10)
    label, whose = found["label"], found["whose"]
    others = few_labels(found[script.DESCRIBED], label, whose, "representations", n_labelled=10)
    assert apart.low <= apart.value <= apart.high
    assert all(ridges.predicted(kind, 10).min() >= 0 for kind in ridges.kinds)
    assert all(ridges.predicted(kind, 10).max() <= 100 for kind in ridges.kinds)
    assert apart.value + rmse(label, others) > 0
    monkeypatch.setattr(script, "FEW", 10)
    assert script.quality_probe_gain(evidence) == pytest.approx(apart.value)
    assert re.search(r"RMSE, 10 recordings labelled: .* \[.*\]", capsys.readouterr().out)


def test_who_predicts_a_recording_is_chosen_on_the_others(script):
    whose = np.repeat([f"r{n}" for n in range(4)], 2)
    label = np.zeros(8)
    good = np.ones((1, 8))
    # Better on all but the last recording, which it misses; there the choice knows no better.
    better = np.where(whose == "r3", 50.0, 0.5)[None]
    found = script.chosen_elsewhere({"a": good, "b": better}, label, whose)
    np.testing.assert_array_equal(found[0], np.where(whose == "r3", 50.0, 1.0))


def test_the_table_has_as_many_labels_as_there_are(script, evidence, music):
    text = script.probe_table(evidence)
    heads = text.splitlines()[0]
    assert "RMSE, 5" in heads
    assert "r, all" in heads
    assert "RMSE, 20" not in heads  # 19 recordings lie outside a fold
    assert "| mse on white noise, 128 |" in text
    assert f"{N_RECORDINGS * N_ROWS - 1} rows of {N_RECORDINGS} recordings" in text


def test_without_a_training_it_says_so(script, evidence):
    context = with_settings(evidence.context, n_channels=3)
    with pytest.raises(StageError, match="no autoencoder is trained yet"):
        script.encoders(SimpleNamespace(context=context))
