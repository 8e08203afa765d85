import polars as pl
import pytest

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.evaluation.generalisation import generalisation_rows
from musqa_pipeline.stages.evaluation.repetitions import METRICS

SETTINGS = EvaluationSettings(n_bootstrap=100)


@pytest.fixture(scope="module")
def rows(full):
    found = generalisation_rows(full.predictions, SETTINGS)
    return {(r["draw"], r["left_out"], r["model"]): r for r in found}


def test_each_thing_left_out_is_compared_for_each_model_and_draw(rows):
    assert {key[0] for key in rows} == {"natural_mix", "uniform_draw", "codecs alone"}
    assert [key[1:] for key in rows if key[0] == "uniform_draw"] == [
        ("codec low-pass", "musqa_net"), ("codec low-pass", "boosted"),
        ("codec MP3", "musqa_net"), ("codec MP3", "boosted"),
        ("codec Opus", "musqa_net"), ("codec Opus", "boosted"),
        ("cascades", "musqa_net"), ("cascades", "boosted"), ("real music", "boosted"),
    ]  # fmt: skip


def test_known_and_unknown_are_the_same_rows_of_the_same_model(full, rows):
    row = rows["natural_mix", "codec MP3", "boosted"]
    natural = full.predictions.filter("natural_mix").filter(pl.col("model") == "boosted")
    unknown = natural.filter((pl.col("protocol") == "leave_codec_out") & (pl.col("fold") == "mp3"))
    known = [
        natural.filter(
            (pl.col("protocol") == "folds") & (pl.col("repetition") == i)
            & (pl.col("codec") == "mp3")
        )
        for i in range(2)
    ]  # fmt: skip
    rmse = METRICS["rmse"]
    assert row["rmse"] == rmse(unknown["label"], unknown["predicted"])
    expected = sum(rmse(part["label"], part["predicted"]) for part in known) / 2
    assert row["known_rmse"] == pytest.approx(expected)
    assert row["difference"] == pytest.approx(row["rmse"] - expected)
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert row["n_rows"] == unknown.height == known[0].height
    assert (row["n_repetitions"], row["n_known_repetitions"]) == (1, 2)


def test_an_effect_is_named_and_each_side_has_its_interval(full):
    moved = full.predictions.with_columns(
        pl.col("fold").replace("mp3", "limiter"), codec=pl.col("codec").replace("mp3", "limiter")
    )
    found = generalisation_rows(moved, SETTINGS)
    row = next(r for r in found if r["left_out"] == "effect limiter")
    for side in ("rmse", "known_rmse", "pearson", "known_pearson"):
        assert row[f"{side}_low"] < row[side] < row[f"{side}_high"]
    assert row["low"] != row["rmse_low"]


def test_a_whole_training_of_the_ablations_stands_in_for_the_folds(full, rows):
    folds = pl.col("protocol") == "folds"
    others = full.predictions.filter(pl.col("protocol") != "ablations")
    renamed = others.with_columns(
        protocol=pl.when(folds).then(pl.lit("ablations")).otherwise("protocol"),
        fold=pl.when(folds).then(pl.lit("")).otherwise("fold"),
    )
    found = {
        (r["draw"], r["left_out"], r["model"]): r for r in generalisation_rows(renamed, SETTINGS)
    }
    assert found == rows


def test_without_the_same_rows_there_is_no_comparison(full):
    some = full.predictions.filter(
        ~(
            pl.col("protocol").is_in(["folds", "ablations"])
            & (pl.col("recording") == "recording 00")
        )
    )
    found = generalisation_rows(some, SETTINGS)
    row = next(r for r in found if r["left_out"] == "cascades")
    assert row["rmse"] > 0
    assert row["known_rmse"] is row["difference"] is row["low"] is None


def test_low_passes_are_no_codec_rows(rows):
    assert ("codecs alone", "codec low-pass", "boosted") not in rows
    assert ("codecs alone", "codec MP3", "boosted") in rows


def test_without_such_protocols_there_is_nothing(full):
    holdout = full.predictions.filter(pl.col("protocol") == "holdout")
    assert generalisation_rows(holdout, SETTINGS) == []
