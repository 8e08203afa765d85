"""Changed networks beside plain ones: made-up predictions, and networks that hear loudness."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.studies.statistics.metrics import rmse
from tests.stages.autoencoders.small_representations import filled

ERRORS = {
    "musqa_net": 10.0, "musqa_net_taught": 8.0, "musqa_net_divisive": 12.0,
    "musqa_net_divisive_learnt": 10.0, "insenet": 5.0, "insenet_taught": 5.5,
}  # fmt: skip


class Louder(nn.Module):
    """Says the mean of an image, and the fold that it left out."""

    def __init__(self, fold, seed):
        super().__init__()
        self.offset = fold + seed / 10

    def forward(self, images):
        return images.flatten(1).mean(1) + self.offset


@pytest.fixture(scope="module")
def script():
    import representation_teachers

    return representation_teachers


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    from representation_evidence import Evidence

    return Evidence(filled(tmp_path_factory.mktemp("taught")))


@pytest.fixture
def rows(script, evidence, monkeypatch):
    """Every network errs by its own amount, up in one repetition and down in the other."""
    recordings = script.excerpts_of(evidence.context)["whose"].unique().sort().to_list()
    rng = np.random.default_rng(3)
    made = pl.DataFrame(
        [
            {"catalog": "c", "degraded_id": f"{place}-{number}", "whose": whose,
             "fold": str(place % 2), "model": model, "repetition": repetition,
             "label": 20.0 * number + place,
             "predicted": 20.0 * number + place + error * (1 - 2 * repetition) + spread}
            for model, error in ERRORS.items() for repetition in (0, 1)
            for place, whose in enumerate(recordings) for number in range(5)
            for spread in [rng.normal(0, 1e-3)]
        ]
    )  # fmt: skip
    monkeypatch.setattr(script, "predictions", lambda evidence: made)
    return made


def test_differences_are_paired_by_row_and_seed(script, evidence, rows, capsys):
    for name, changed in {
        "musqa_net_teachers": "musqa_net_taught",
        "musqa_net_divisive": "musqa_net_divisive",
        "insenet_teachers": "insenet_taught",
    }.items():
        expected = ERRORS[changed] - ERRORS[script.PLAIN[changed]]
        assert script.FIGURES[name](evidence) == pytest.approx(expected, abs=0.01)
    assert "RMSE, points: -2.00" in capsys.readouterr().out
    # A repetition that only one of them has is no part of it.
    fewer = rows.filter((pl.col("model") != "musqa_net") | (pl.col("repetition") == 0))
    part = fewer.filter(model="musqa_net_taught", repetition=0)
    own = rmse(part["label"].to_numpy(), part["predicted"].to_numpy())
    found = script.difference(fewer, "musqa_net_taught").value
    assert found == pytest.approx(own - 10, abs=0.01)
    with pytest.raises(StageError, match="insenet_taught or insenet has no whole repetition yet"):
        script.difference(rows.filter(pl.col("model") != "insenet"), "insenet_taught")


def test_tables_have_a_line_for_each_change(script, evidence, rows):
    lines = script.labels_table(evidence).splitlines()
    assert lines[2].startswith("| musqa_net_taught | 8.0 | 10.0 | -2.0")
    assert lines[-1] == f"{5 * rows['whose'].n_unique()} rows of 3 recordings, 2 seeds."


def test_a_recording_is_heard_by_trainings_that_never_met_it(script, evidence, rows, monkeypatch):
    networks = {str(fold): [Louder(fold, seed) for seed in (0, 1)] for fold in (0, 1)}
    monkeypatch.setattr(script, "networks_of", lambda evidence, model: networks)
    monkeypatch.setattr(script, "list_units", lambda context: [])
    found = script.heard(evidence, "musqa_net")
    assert found["score"].shape == (3 * 21, 2)
    fold_of = dict(rows.select("whose", "fold").unique().rows())
    folds = np.array([int(fold_of[whose]) for whose in found["whose"]])
    assert np.array_equal(np.floor(found["score"][:, 0]), folds)
    np.testing.assert_allclose(found["score"][:, 1] - found["score"][:, 0], 0.1, atol=1e-6)
    assert (found["kind"] == "original").sum() == 3
    assert set(found["intensity"][found["kind"] == "noise"]) == {10.0, 30.0, 50.0, 70.0, 90.0}
    monkeypatch.setattr(script, "heard", lambda evidence, model: found)
    text = script.cells_table(evidence)
    assert text.count("0.00 [0.00, 0.00]") == len(script.PLAIN)


def test_the_networks_of_a_fold_are_opened_in_the_order_of_seeds(script, evidence, monkeypatch):
    class Unit:
        def __init__(self, model, fold, repetition):
            self.plan = {
                "protocol": "folds", "model": model, "fold": fold, "repetition": repetition,
            }  # fmt: skip
            self.unit_id = f"{model}-{fold}-{repetition}"

    units = [Unit(*each) for each in (("a", "0", 1), ("a", "0", 0), ("a", "1", 0), ("b", "0", 0))]
    opened = []

    class Lake:
        def done(self, partition):
            return [unit.unit_id for unit in units[:3]]

        def local_folder(self, partition, unit_id):
            return unit_id

    class Context:
        lake = Lake()

        def joint_partition(self, stage):
            return stage

    monkeypatch.setattr(script, "list_units", lambda context: units)
    monkeypatch.setattr(script, "load_model", lambda folder: opened.append(folder) or nn.Identity())
    found = script.networks_of(type("E", (), {"context": Context()})(), "a")
    assert {fold: len(networks) for fold, networks in found.items()} == {"0": 2, "1": 1}
    assert opened == ["a-0-0", "a-1-0", "a-0-1"]
    assert torch.equal(found["1"][0](torch.ones(1)), torch.ones(1))
