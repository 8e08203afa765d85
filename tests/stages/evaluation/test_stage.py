"""The whole stage on a lake written by hand."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.evaluation.checks import check_better_than_mean
from musqa_pipeline.stages.evaluation.pictures import scatter_png
from musqa_pipeline.stages.evaluation.predictions import read_predictions, read_runs
from musqa_pipeline.stages.evaluation.publish import publish_report
from musqa_pipeline.stages.evaluation.stage import report_folder
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.spectrograms.features.rows import read_rows
from tests.stages.evaluation.small_lake import ENTRY, PRESET, small_lake

BIAS = 0.05


@pytest.fixture(scope="module", autouse=True)
def _networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "brightness", ENTRY)
        patch.setitem(MODELS, "late", ENTRY)
        yield


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    context = small_lake(tmp_path_factory.mktemp("small") / "home", bias=BIAS)
    report = run_stage(get_stage("evaluation"), context, log=print)
    assert (report.units, report.made) == (1, 1)
    return context


@pytest.fixture(scope="module")
def table(context):
    partition = context.joint_partition("evaluation")
    return pl.DataFrame(context.lake.scan(partition, get_stage("evaluation").table.schema))


@pytest.fixture(scope="module")
def predictions(context):
    return pl.read_parquet(report_folder(context) / "predictions.parquet")


def test_only_test_rows_are_predicted_by_finished_networks_and_baselines(predictions):
    assert set(predictions["part"]) == {"test"}
    assert predictions["model"].unique(maintain_order=True).to_list() == [
        "brightness", "mean", "upper_edge", "boosted", "oracle",
    ]  # fmt: skip
    assert predictions.height == 5 * 12
    assert predictions["excerpt_id"].n_unique() == 4


def test_a_network_predicts_its_own_images_on_the_scale_of_the_report(predictions):
    rows = predictions.filter(pl.col("model") == "brightness")
    expected = np.minimum(rows["label"] + 100 * BIAS, 100.0)
    np.testing.assert_allclose(rows["predicted"], expected, atol=0.05)


def test_the_error_of_a_known_bias_is_that_bias(table):
    rmse = table.filter(
        (pl.col("model") == "brightness")
        & (pl.col("metric") == "rmse")
        & (pl.col("slice") == "all")
    )
    assert rmse["draw"].to_list() == ["uniform_draw", "natural_mix"]
    np.testing.assert_allclose(rmse["estimate"], 100 * BIAS, atol=0.05)
    assert rmse["n_rows"].to_list() == [8, 12]
    assert rmse["n_recordings"].to_list() == [4, 4]


def test_the_mean_is_that_of_the_training_labels_in_the_uniform_draw(predictions):
    mean = predictions.filter(pl.col("model") == "mean")["predicted"].unique().to_list()
    expected = np.mean([q + 0.01 * n for n in range(6) for q in (0.30, 0.75)])
    assert mean == pytest.approx([100 * expected])


def test_rows_know_what_was_done_to_them_and_whose_they_are(predictions):
    row = predictions.filter(
        (pl.col("model") == "mean") & pl.col("degraded_id").str.ends_with("7-0-12_42")
    ).row(0, named=True)
    assert row["what"] == "MP3 96 kbit/s → low-pass 3.5 kHz"
    assert (row["codec"], row["cutoff_hz"], row["depth"]) == ("lowpass", 3500.0, 2)
    assert (row["recording"], row["genre"], row["tier"]) == (
        "recording 7", "piano/solo", "lossless",
    )  # fmt: skip
    assert row["reference"] == "dark"
    assert set(predictions.filter(pl.col("recording") != "recording 7")["reference"]) == {
        "full band"
    }


def test_the_page_shows_unfinished_runs_worst_examples_and_counts(context):
    page = (report_folder(context) / "report.html").read_text(encoding="utf-8")
    assert "late is unfinished" in page
    # The network and boosting err most on different excerpts.
    assert page.count("<audio") == 2 * 2 * PRESET.evaluation.n_worst
    assert page.count("its no. 1") == 2 * PRESET.evaluation.n_worst
    assert "1 input could not serve" in page
    assert "4 test recordings are few" in page
    assert "[evaluation] n_worst" in page
    assert str(context.home) not in page
    numbers = json.loads((report_folder(context) / "report.json").read_text(encoding="utf-8"))
    assert numbers["headline_model"] == "brightness"
    assert [p["part"] for p in numbers["parts"]] == ["train", "validation", "test"]


def test_a_second_run_makes_nothing_and_a_killed_one_is_made_again(context, table):
    page = report_folder(context) / "report.html"
    inode, text = page.stat().st_ino, page.read_bytes()
    assert run_stage(get_stage("evaluation"), context, log=print).made == 0
    assert page.stat().st_ino == inode
    path = context.lake.path(context.joint_partition("evaluation"), "evaluation")
    before = path.read_bytes()
    path.unlink()  # a kill after the report and before the table
    assert run_stage(get_stage("evaluation"), context, log=print).made == 1
    assert path.read_bytes() == before
    assert page.read_bytes() == text


def test_the_view_of_the_table_does_not_see_the_predictions(context):
    folder = context.lake.folder(context.joint_partition("evaluation"))
    assert sorted(p.name for p in folder.glob("*.parquet")) == [
        "evaluation.parquet", "schema.parquet",
    ]  # fmt: skip


def test_check_picture_and_publication_find_what_the_stage_left(context):
    result = check_better_than_mean(context)
    assert result.passed
    assert result.numbers["rmse_points_brightness"] == pytest.approx(5.0, abs=0.05)
    assert scatter_png(context).startswith(b"\x89PNG")
    assert publish_report(context).stat().st_size > 50_000


def test_without_runs_or_test_rows_it_says_what_to_do(context):
    elsewhere = replace(context, fingerprints={**context.fingerprints, "models": "e" * 32})
    with pytest.raises(StageError, match="there is no training run yet; run the stage models"):
        read_runs(elsewhere)
    seen = read_rows(context).filter(pl.col("part") != "test")
    with pytest.raises(StageError, match=r"the dataset has no test rows; give some .* role=test"):
        read_predictions(context, read_runs(context), seen)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("features", "1 of 30 rows of the dataset have no features; run the stages dataset"),
        ("spectrograms", "1 of 12 test rows have no image; run the stages dataset"),
    ],
)
def test_rows_without_features_or_image_are_not_left_out_without_a_word(context, stage, message):
    fewer = replace(context, fingerprints={**context.fingerprints, stage: "c" * 32})
    for unit in context.lake.done(context.joint_partition(stage)):
        rows = context.lake.read(context.joint_partition(stage), unit)
        kept = rows.slice(0, rows.num_rows - (unit == "test-00000"))
        context.lake.write(fewer.joint_partition(stage), unit, kept)
    runs = read_runs(context)
    with pytest.raises(StageError, match=message):
        read_predictions(fewer, runs, read_rows(fewer))
