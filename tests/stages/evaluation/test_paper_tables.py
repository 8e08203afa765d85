import numpy as np
import polars as pl
import pytest
from scipy import stats

from musqa_pipeline.stages.evaluation.paper_tables import (
    TABLE_V,
    beside_the_paper,
    paper_draw,
    paper_metrics,
    paper_tests,
    repeated_metrics,
    row_tests,
    table_v,
)
from musqa_pipeline.studies.statistics.repetitions import Repeated

FOUND = [
    Repeated("cnn1d", "pearson", (0.70, 0.80, 0.75)),
    Repeated("cnn1d", "rmse", (18.0, 15.0, 17.5)),
    Repeated("musqa_net", "pearson", (0.95, 0.96, 0.94)),
    Repeated("musqa_net", "rmse", (7.0, 6.5, 7.5)),
    Repeated("inception_v3", "rmse", (30.0, 31.0)),
    Repeated("mean", "rmse", (26.0, 26.0, 26.0)),
]


def test_the_papers_own_tests_come_out_of_its_table():
    p = {(t["first"], t["second"], t["metric"]): t["unpaired"].p_value for t in paper_tests()}
    assert len(p) == 6
    # As section IV.A prints them, within the rounding of the table.
    assert p["cnn1d", "vgg19", "pearson"] == pytest.approx(9.7e-9, rel=0.1)
    assert p["cnn1d", "vgg19", "rmse"] == pytest.approx(2.2e-10, rel=0.1)
    assert p["cnn1d", "inception_v3", "rmse"] == pytest.approx(2.6e-6, rel=0.1)
    assert min(p["inception_v3", "vgg19", metric] for metric in ("pearson", "rmse")) > 0.05


def test_table_v_has_the_papers_networks_first():
    rows = table_v(FOUND)
    assert [row["model"] for row in rows] == [
        "cnn1d", "inception_v3", "vgg19", "musqa_net", "mean",
    ]  # fmt: skip
    assert rows[0]["paper"]["rmse"] == (18.80, 2.29)
    assert rows[0]["ours"]["pearson"].mean == pytest.approx(0.75)
    assert rows[0]["ours"]["pearson"].sd == pytest.approx(0.05)
    assert rows[1]["ours"]["rmse"].values == (30.0, 31.0)
    assert rows[2]["ours"] == {}
    assert rows[3]["paper"] is None


FROZEN = [
    Repeated("vgg19_frozen_stem", "rmse", (20.0, 22.0, 21.5)),
    Repeated("vgg19_frozen_stem", "pearson", (0.5, 0.6, 0.4)),
]


def test_a_variant_stands_where_the_papers_network_does():
    rows = {row["model"]: row for row in table_v([*FOUND, *FROZEN])}
    assert list(rows) == ["cnn1d", "inception_v3", "vgg19_frozen_stem", "musqa_net", "mean"]
    assert rows["vgg19_frozen_stem"]["paper"] == TABLE_V["vgg19"]
    both = [*FOUND, *FROZEN, Repeated("vgg19", "rmse", (11.0, 12.0))]
    assert [row["model"] for row in table_v(both)][2:4] == ["vgg19", "vgg19_frozen_stem"]


def test_the_uniform_draw_stands_beside_the_papers_test(full):
    rows = full.predictions
    assert paper_draw(rows) == "uniform_draw"
    assert paper_draw(rows.with_columns(uniform_draw=pl.lit(value=False))) == "natural_mix"
    assert paper_draw(rows.filter(protocol="folds")) == "natural_mix"  # not of table V


def test_a_network_of_the_paper_that_was_not_repeated_stands_with_its_one_training(full):
    assert paper_metrics(full.predictions, "uniform_draw")[1] == []  # cnn1d was repeated
    once = full.predictions.filter((pl.col("model") != "cnn1d") | (pl.col("protocol") == "holdout"))
    found, single = paper_metrics(once, "uniform_draw")
    assert {each.model for each in single} == {"cnn1d"}  # and no other network
    assert "cnn1d" not in {each.model for each in found}
    drawn = once.filter("uniform_draw", protocol="holdout", model="cnn1d")
    rmse = np.sqrt(((drawn["predicted"] - drawn["label"]) ** 2).mean())
    assert next(e for e in single if e.metric == "rmse").values == (pytest.approx(rmse),)
    assert all(each.sd is None for each in single)
    rows = {row["model"]: row for row in table_v(found, single)}
    assert [model for model, row in rows.items() if row["single"]] == ["cnn1d"]
    assert rows["cnn1d"]["paper"] == TABLE_V["cnn1d"]


def test_our_tests_stand_beside_the_papers_of_the_same_networks():
    tests = {(t["first"], t["second"], t["metric"]): t for t in beside_the_paper([*FOUND, *FROZEN])}
    papers = {(t["first"], t["second"], t["metric"]): t["unpaired"] for t in paper_tests()}
    beside = tests["cnn1d", "vgg19_frozen_stem", "rmse"]
    assert beside["unpaired"] == papers["cnn1d", "vgg19", "rmse"]
    a, b = (18.0, 15.0, 17.5), (20.0, 22.0, 21.5)
    assert beside["ours"].paired.p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert tests["cnn1d", "inception_v3", "rmse"]["ours"].paired is not None
    not_run = tests["cnn1d", "inception_v3", "pearson"]  # no r of the second
    assert not_run["ours"] is None
    assert not_run["unpaired"] == papers["cnn1d", "inception_v3", "pearson"]
    assert tests["cnn1d", "musqa_net", "rmse"]["unpaired"] is None
    assert ("cnn1d", "vgg19", "rmse") not in tests  # its variant stands for it


def test_metrics_of_repetitions_are_those_of_their_rows(full):
    found = repeated_metrics(full.predictions, "repetitions", "natural_mix")
    mine = next(f for f in found if (f.model, f.metric) == ("boosted", "rmse"))
    assert len(mine.values) == 4
    assert mine.numbers == (0, 1, 2, 3)
    for repetition, value in enumerate(mine.values):
        rows = full.predictions.filter(
            (pl.col("protocol") == "repetitions") & (pl.col("model") == "boosted")
            & (pl.col("repetition") == repetition) & pl.col("natural_mix")
        )  # fmt: skip
        assert value == pytest.approx(np.sqrt(((rows["predicted"] - rows["label"]) ** 2).mean()))
    assert not any(f.model == "mean" and f.metric == "pearson" for f in found)


def test_correlations_on_the_same_rows_are_compared_by_steiger(full):
    p = row_tests(full.predictions, "folds", "natural_mix", "musqa_net", ["boosted", "mean"])
    assert set(p) == {"boosted"}  # the mean has no correlation
    assert 0 <= p["boosted"] < 1e-6
    same = row_tests(full.predictions, "folds", "natural_mix", "musqa_net", ["musqa_net", "none"])
    assert same == {}
