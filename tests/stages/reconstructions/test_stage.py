"""Reconstructions of a small catalog: each excerpt by each training, stopped in each way."""

from __future__ import annotations

import math

import polars as pl
import pytest
import torch

from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.learning.autoencoders.measures import measure
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.autoencoders.reconstruction import Heard, reconstruct
from musqa_pipeline.learning.autoencoders.train import untrained
from musqa_pipeline.stages.autoencoders.music import representations
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.reconstructions.checks import (
    check_reconstructions,
    judge_reconstructions,
)
from musqa_pipeline.stages.reconstructions.stage import is_heard, list_units, stops_of
from musqa_pipeline.stages.reconstructions.table import RECONSTRUCTIONS
from tests.stages.autoencoders.small_representations import filled, with_settings

torch.set_num_threads(1)
RUN = {
    "training": "a", "loss": "mse", "inputs": "white", "seed": 0, "steps": 800,
    "settled_step": 400, "best_step": 300,
}  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    context = filled(tmp_path_factory.mktemp("reconstructions"))
    context = with_settings(context, inputs=["white", "music"])
    run_stage(get_stage("autoencoders"), context)
    return context


@pytest.fixture(scope="module", autouse=True)
def rows(context):
    assert run_stage(get_stage("reconstructions"), context).made == 2
    return rows_of(context)


def rows_of(context):
    partition = context.joint_partition("reconstructions")
    return context.lake.scan(partition, RECONSTRUCTIONS.schema).to_pylist()


def test_each_excerpt_has_a_row_for_each_training_and_stop(context, rows):
    assert len(rows) == 2 * (1 + 3 + 3)
    for row in rows:
        assert row["part"] == "test"
        assert row["visqol_mos"] is None
        assert math.isclose(row["psnr_db"], 10 * math.log10(1 / row["log_mel_mse"]))
    assert {(row["stop"], row["inputs"]) for row in rows} == {
        ("untrained", "nothing"), ("equal", "white"), ("last", "white"), ("best", "white"),
        ("equal", "music"), ("last", "music"), ("best", "music"),
    }  # fmt: skip
    assert run_stage(get_stage("reconstructions"), context).made == 0
    assert check_reconstructions(context).passed


def test_a_row_is_what_the_network_made(context, rows):
    row = next(row for row in rows if row["stop"] == "untrained")
    images = PairImages(read_reference(context, row["excerpt_id"], "c"))
    recipe = representations(context.preset).recipe("mse", "white")
    network = untrained(AutoencoderRecipe.of({**recipe.__dict__, "loss": "nlpd"}), row["seed"])
    measured = measure(images.reference, reconstruct(network, images.reference))
    for name, value in measured._asdict().items():
        assert row[name] == pytest.approx(float(value), abs=1e-6)


def test_every_excerpt_may_be_asked_but_of_networks_that_may_have_met_it(context):
    every = with_settings(context, inputs=["white", "music"], reconstructed="every")
    assert len(list_units(every)) == 3
    assert {asked["inputs"] for asked in stops_of([RUN | {"inputs": "music"}], "train")} == {
        "nothing"
    }
    other = RUN | {"loss": "nlpd", "settled_step": None, "steps": 500}
    stops = list(stops_of([RUN, other], "test"))
    found = [(asked["loss"], asked["stop"], asked["step"]) for asked in stops]
    assert found == [
        ("none", "untrained", 0), ("mse", "equal", 500), ("mse", "last", 800),
        ("mse", "settled", 400), ("mse", "best", 300), ("nlpd", "equal", 500),
        ("nlpd", "last", 500), ("nlpd", "best", 300),
    ]  # fmt: skip


def test_another_training_is_another_answer(context):
    ids = {unit.unit_id for unit in list_units(context)}
    alone = with_settings(context, inputs=["white"])
    assert not ids & {unit.unit_id for unit in list_units(alone)}
    assert list_units(with_settings(context, losses=[])) == []


def test_visqol_hears_what_is_asked(context, monkeypatch):
    monkeypatch.setattr(Heard, "mos", lambda self, made: 1 + float(made.mean()))
    heard = with_settings(context, inputs=["white"], visqol="test")
    run_stage(get_stage("reconstructions"), heard)
    said = [row for row in rows_of(heard) if row["visqol_mos"] is not None]
    assert len(said) == 2 * 4
    for row in said:
        assert 1 <= row["visqol_mos"] < 2 > row["visqol_untouched_mos"]


def test_visqol_may_hear_test_excerpts_alone_and_then_others_are_not_made_again(context):
    ids = {}
    for words in ("none", "test", "every"):
        asked = with_settings(context, inputs=["white"], reconstructed="every", visqol=words)
        units = list_units(asked)
        heard = [is_heard(representations(asked.preset), unit.plan["part"]) for unit in units]
        tested = [unit.plan["part"] == "test" for unit in units]
        assert 0 < sum(tested) < len(units)
        assert heard == {"none": [False] * 3, "test": tested, "every": [True] * 3}[words]
        ids[words] = {unit.unit_id for unit in units}
    assert len(ids["none"] & ids["test"]) == tested.count(False)
    assert not ids["none"] & ids["every"]


def test_what_is_missing_or_wrong_is_counted(rows):
    rows = pl.DataFrame(rows, schema_overrides={"visqol_mos": pl.Float64})
    wanted = rows.select("catalog", "excerpt_id", "training", "seed", "stop")
    kinds = {"most_bits": 1.0, "heard": pl.lit(False)}
    assert judge_reconstructions(rows, wanted, **kinds).passed
    numbers = judge_reconstructions(rows[1:], wanted[:-1], **kinds).numbers
    assert (numbers["n_missing"], numbers["n_surplus"]) == (1, 1)
    doubled = judge_reconstructions(pl.concat([rows, rows[:1]]), wanted, **kinds)
    assert doubled.numbers["n_doubled"] == 1
    assert not doubled.passed
    broken = rows.with_columns(psnr_db=pl.lit(math.nan))
    assert judge_reconstructions(broken, wanted, **kinds).numbers["n_wrong"] == rows.height
    assert (
        judge_reconstructions(rows, wanted, most_bits=1.0, heard=pl.lit(True)).numbers["n_wrong"]
        > 0
    )


def test_off_the_check_passes(context):
    result = check_reconstructions(with_settings(context, losses=[]))
    assert result.passed
    assert result.claim == "no autoencoder is asked for"
