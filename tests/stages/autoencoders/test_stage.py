"""Autoencoders of a preset: trained once, told apart by what made them, off by default."""

from __future__ import annotations

import json

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.autoencoders.train import load_autoencoder
from musqa_pipeline.stages.autoencoders.music import images_of, listed_excerpts, spread
from musqa_pipeline.stages.autoencoders.settings import RepresentationsSettings
from musqa_pipeline.stages.autoencoders.stage import list_units
from musqa_pipeline.stages.autoencoders.table import AUTOENCODERS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from tests.stages.autoencoders.small_representations import filled, with_settings


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("autoencoders"))


def trained(context):
    assert run_stage(get_stage("autoencoders"), context).made == len(list_units(context))
    partition, units = context.joint_partition("autoencoders"), list_units(context)
    made = [context.lake.read(partition, u.unit_id, AUTOENCODERS.schema.names) for u in units]
    assert run_stage(get_stage("autoencoders"), context).made == 0
    return [table.to_pylist()[0] for table in made]


def test_each_loss_is_trained_once(context):
    both = with_settings(context, losses=["mse", "nlpd"], steps=2)
    rows = trained(both)
    assert [row["loss"] for row in rows] == ["mse", "nlpd"]
    for row in rows:
        assert (row["inputs"], row["seed"], row["steps"]) == ("white", 0, 2)
        assert (row["n_unmet"], row["n_music"], row["finished"]) == (2, 0, True)
        curves = json.loads(row["curves_json"])
        assert row["best_step"] == 1 + int(np.argmax(curves["psnr_db_unmet"]))
        assert row["settled_step"] is None
        recipe = load_autoencoder(both.home / row["folder"] / "weights.pt").recipe
        assert (recipe.loss, recipe.n_channels) == (row["loss"], 2)
        assert row["fixed_bits_a_cell"] == recipe.fixed_bits_a_cell
        assert len(list((both.home / row["folder"]).glob("networks-*.pt"))) == 2
    assert rows[0]["curves_json"] != rows[1]["curves_json"]


def test_music_of_the_train_part_is_learned_from(context):
    (row,) = trained(with_settings(context, inputs=["music"]))
    assert (row["inputs"], row["n_music"], row["n_unmet"]) == ("music", 1, 2)


def test_one_more_seed_trains_nothing_else_again(context):
    few, more = (
        {u.unit_id for u in list_units(with_settings(context, losses=["mse", "nlpd"], n_seeds=n))}
        for n in (1, 2)
    )
    assert few < more
    assert len(more) == 4


def test_another_size_is_another_training_and_moves_no_fingerprint(context):
    wider = with_settings(context, n_channels=3)
    assert not {u.unit_id for u in list_units(wider)} & {u.unit_id for u in list_units(context)}
    assert wider.fingerprints == context.fingerprints


def test_a_loss_may_take_another_number_of_steps(context):
    both = with_settings(
        context, losses=["mse", "nlpd"], steps=4, steps_by_loss={"nlpd": 2}, checkpoint_steps=2
    )
    steps = {u.plan["recipe"]["loss"]: u.plan["recipe"]["steps"] for u in list_units(both)}
    assert steps == {"mse": 4, "nlpd": 2}
    with pytest.raises(SettingsError, match=r"steps_by_loss=\{'nlpd': 3\}: expected a multiple"):
        with_settings(context, checkpoint_steps=2, steps=4, steps_by_loss={"nlpd": 3})
    with pytest.raises(SettingsError, match=r"steps_by_loss.nlpx\] .*expected one of 'mse'"):
        with_settings(context, steps_by_loss={"nlpx": 3})


def test_off_there_is_nothing(context):
    assert list_units(with_settings(context, losses=[])) == []
    assert RepresentationsSettings().losses == ()


def test_music_is_listed_by_part_and_its_images_are_made(context):
    excerpts = listed_excerpts(context)
    assert sorted(row["part"] for row in excerpts) == ["test", "test", "train"]
    images = images_of(context, excerpts)
    assert images.shape == (3, 256, 625)
    assert images.max(axis=(1, 2)).tolist() == [1, 1, 1]
    assert images_of(context, []) is None


def test_excerpts_are_chosen_at_equal_distances():
    rows = [{"n": n} for n in range(10)]
    assert [row["n"] for row in spread(rows, 4)] == [0, 2, 5, 7]
    assert spread(rows, 10) == rows


def test_without_music_to_train_on_it_says_so(context, monkeypatch):
    wanted = with_settings(context, inputs=["music"])
    tested = [{"part": "test", "catalog": "c", "excerpt_id": "x"}]
    monkeypatch.setattr(
        "musqa_pipeline.stages.autoencoders.stage.listed_excerpts", lambda context: tested
    )
    with pytest.raises(StageError, match="no excerpt is in the train part; add recordings, or"):
        list_units(wanted)


def test_without_splits_it_says_so(context, monkeypatch):
    elsewhere = dict(context.fingerprints) | {"splits": "0" * 32}
    monkeypatch.setitem(context.__dict__, "fingerprints", elsewhere)
    with pytest.raises(StageError, match="no splits yet; run the stage splits first"):
        list_units(context)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"checkpoint_steps": 150}, r"\[representations\] checkpoint_steps=150: expected a divis"),
        ({"steps": 250}, r"steps=250: expected a multiple of checkpoint_steps=100; edit the"),
        ({"losses": ["mae"]}, r"losses\[0\]='mae': expected one of 'mse', 'ms_ssim', 'nlpd'"),
        ({"side": 36}, r"side=36: expected"),
    ],
)
def test_a_wrong_setting_is_one_sentence(given, message):
    with pytest.raises(SettingsError, match=message):
        parse_preset(
            "p", {"representations": given}, sections={"representations": RepresentationsSettings}
        )
