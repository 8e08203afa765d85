"""The whole stage on a lake written by hand."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.errors import StageError
from musqa_pipeline.evaluation.checks import check_better_than_mean
from musqa_pipeline.evaluation.pictures import scatter_png
from musqa_pipeline.evaluation.predictions import read_predictions, read_runs
from musqa_pipeline.evaluation.publish import publish_report
from musqa_pipeline.evaluation.stage import EVALUATION_STAGE, report_folder
from musqa_pipeline.models.registry import MODELS
from musqa_pipeline.stages import run_stage
from tests.evaluation.small_lake import ENTRY, PRESET, small_lake

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
    report = run_stage(EVALUATION_STAGE, context, log=print)
    assert (report.units, report.made) == (1, 1)
    return context


@pytest.fixture(scope="module")
def table(context):
    shelf = context.joint_shelf("evaluation")
    return pl.DataFrame(context.lake.scan(shelf, EVALUATION_STAGE.table.schema))


@pytest.fixture(scope="module")
def predictions(context):
    return pl.read_parquet(report_folder(context) / "predictions.parquet")


def test_only_test_rows_are_predicted_by_finished_networks_and_baselines(predictions):
    assert set(predictions["part"]) == {"test"}
    assert predictions["model"].unique(maintain_order=True).to_list() == [
        "brightness", "mean", "upper_edge",
    ]  # fmt: skip
    assert predictions.height == 3 * 12
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
    expected = np.mean([q + 0.01 * n for n in range(5) for q in (0.30, 0.75)])
    assert mean == pytest.approx([100 * expected])


def test_rows_know_what_was_done_to_them_and_whose_they_are(predictions):
    row = predictions.filter(
        (pl.col("model") == "mean") & pl.col("degraded_id").str.ends_with("7-0-12_42")
    ).row(0, named=True)
    assert row["what"] == "mp3 96 kbit/s → low-pass 3.5 kHz"
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
    assert page.count("<audio") == 2 * PRESET.evaluation.n_worst
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
    assert run_stage(EVALUATION_STAGE, context, log=print).made == 0
    assert page.stat().st_ino == inode
    path = context.lake.path(context.joint_shelf("evaluation"), "evaluation")
    before = path.read_bytes()
    path.unlink()  # a kill after the report and before the table
    assert run_stage(EVALUATION_STAGE, context, log=print).made == 1
    assert path.read_bytes() == before
    assert page.read_bytes() == text


def test_the_view_of_the_table_does_not_see_the_predictions(context):
    folder = context.lake.folder(context.joint_shelf("evaluation"))
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
    images = context.joint_shelf("spectrograms")
    empty = replace(context, fingerprints={**context.fingerprints, "spectrograms": "d" * 32})
    train = context.lake.read(images, "train-00000")
    context.lake.write(empty.joint_shelf("spectrograms"), "train-00000", train)
    with pytest.raises(StageError, match=r"the dataset has no test rows; give some .* role=test"):
        read_predictions(empty, read_runs(context))


def test_images_of_rows_that_are_gone_are_not_evaluated_without_a_word(context):
    fewer = replace(context, fingerprints={**context.fingerprints, "dataset": "c" * 32})
    rows = context.lake.read(context.joint_shelf("dataset"), "dataset")
    context.lake.write(fewer.joint_shelf("dataset"), "dataset", rows.slice(0, rows.num_rows - 1))
    with pytest.raises(StageError, match="1 test rows have an image but no label any more, first"):
        read_predictions(fewer, read_runs(fewer))
