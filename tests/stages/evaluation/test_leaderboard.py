from dataclasses import replace

import polars as pl
import pytest

from musqa_pipeline.stages.evaluation.leaderboard import (
    leaderboards,
    main_protocol,
    not_run_at_all,
    plays_fair,
    shown_first,
)


@pytest.fixture(scope="module")
def tables(full):
    return {(t["protocol"], t["draw"]): t for t in leaderboards(full)}


def test_there_is_a_table_for_each_protocol_and_draw_the_main_one_first(tables):
    assert list(tables) == [
        (protocol, draw)
        for protocol in ("folds", "repetitions", "holdout", "ablations")
        for draw in ("uniform_draw", "natural_mix")
    ]


def test_the_best_stands_first_and_the_leader_hears_the_degraded_excerpt_alone(tables):
    table = tables["folds", "uniform_draw"]
    rmse = [row["whole"]["rmse"]["estimate"] for row in table["rows"]]
    assert rmse == sorted(rmse)
    assert [row["model"] for row in table["rows"]][:3] == ["insenet", "musqa_net", "oracle"]
    assert table["leader"] == "musqa_net"
    assert [row["model"] for row in table["rows"] if row["leads"]] == ["musqa_net"]
    notes = {row["model"]: row["note"] for row in table["rows"]}
    assert notes["insenet"] == "hears the reference"
    assert notes["oracle"] == "is told the process"
    assert (notes["boosted"], notes["cnn1d"]) == ("baseline", "")


def test_random_backbones_stand_apart_and_what_was_not_run_is_named(tables):
    table = tables["folds", "natural_mix"]
    assert [row["model"] for row in table["random"]] == ["inception_v3"]
    assert "inception_v3" not in [row["model"] for row in table["rows"]]
    assert table["not_run"] == ["vgg19"]
    assert tables["repetitions", "uniform_draw"]["not_run"] == ["vgg19", "insenet"]


def test_every_column_says_how_many_rows_and_recordings(full, tables):
    table = tables["folds", "uniform_draw"]
    rows = full.predictions.filter(
        (pl.col("protocol") == "folds") & pl.col("uniform_draw") & (pl.col("model") == "boosted")
        & (pl.col("repetition") == 0)
    )  # fmt: skip
    dark = rows.filter(pl.col("reference") == "dark")
    expected = {
        "all rows": rows,
        "test recordings": rows.filter(pl.col("part") == "test"),
        "trusted labels": rows.filter("trusted"),
        "dark references": dark,
    }
    sizes = {c["title"]: (c["n_rows"], c["n_recordings"]) for c in table["columns"]}
    for title, part in expected.items():
        assert sizes[title] == (part.height, part["recording"].n_unique())
    boosted = next(row for row in table["rows"] if row["model"] == "boosted")
    n_column = [c["title"] for c in table["columns"]].index("dark references")
    assert boosted["cells"][n_column]["rmse"]["n_rows"] == dark.height
    assert boosted["n_repetitions"] == 2


def test_a_column_of_the_same_rows_as_all_is_left_out(full):
    trusted = full.evaluations.filter(slice="all").with_columns(
        slice=pl.lit("label"), value=pl.lit("trusted")
    )
    others = full.evaluations.filter(~(pl.col("slice") == "label"))
    same = replace(full, evaluations=pl.concat([others, trusted.select(others.columns)]))
    titles = {c["title"] for table in leaderboards(same) for c in table["columns"]}
    assert "trusted labels" not in titles
    assert {"all rows", "dark references"} <= titles


def test_differences_are_to_the_leader_whichever_came_first(full, tables):
    for row in tables["folds", "uniform_draw"]["rows"]:
        if row["leads"]:
            continue
        lead = full.evaluations.filter(
            (pl.col("protocol") == "folds") & (pl.col("draw") == "uniform_draw")
            & (pl.col("model") == "musqa_net") & (pl.col("metric") == "rmse")
            & (pl.col("slice") == "all")
        )["estimate"].item()  # fmt: skip
        expected = row["whole"]["rmse"]["estimate"] - lead
        assert row["difference"]["difference"] == pytest.approx(expected)
        assert row["difference"]["low"] < expected < row["difference"]["high"]


def test_the_main_protocol_is_the_one_with_networks_on_most_recordings(full):
    assert main_protocol(full.predictions) == "folds"
    assert main_protocol(full.predictions.filter(pl.col("protocol") != "folds")) == "repetitions"
    only_baselines = full.predictions.filter(
        (pl.col("protocol") != "folds") | pl.col("model").is_in(["mean", "boosted"])
    ).filter(pl.col("protocol") != "repetitions")
    assert main_protocol(only_baselines) == "holdout"
    assert main_protocol(full.predictions.clear()) == "holdout"


def test_no_test_score_decides_what_is_shown_first(full):
    assert shown_first(full.predictions, "folds", "cnn1d") == "cnn1d"
    assert shown_first(full.predictions, "folds", "vgg19") == "musqa_net"  # the first in order
    assert shown_first(full.predictions, "folds", None) == "musqa_net"
    baselines = full.predictions.filter(pl.col("model").is_in(["mean", "boosted"]))
    assert shown_first(baselines, "folds", "musqa_net") == "boosted"


def test_a_network_that_stands_nowhere_was_not_run(full):
    assert not_run_at_all(full) == ["vgg19"]
    assert not_run_at_all(replace(full, networks=["a", "cnn1d", "b"])) == ["a", "b"]


def test_who_may_lead(full):
    fair = [m for m in ("musqa_net", "insenet", "inception_v3", "oracle", "boosted")
            if plays_fair(full, m)]  # fmt: skip
    assert fair == ["musqa_net", "boosted"]


def test_ablations_are_compared_with_the_whole_network_and_miss_nobody(tables):
    table = tables["ablations", "uniform_draw"]
    assert (table["leader"], table["not_run"]) == ("musqa_net", [])
    assert [row["model"] for row in table["rows"]] == ["musqa_net", "musqa_net_coarse"]
    assert table["rows"][1]["difference"]["low"] > 0
