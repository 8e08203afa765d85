import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.evaluation.differences import paired_differences
from musqa_pipeline.stages.evaluation.repetitions import METRICS
from musqa_pipeline.stages.evaluation.slices import codec_rows, evaluate
from musqa_pipeline.stages.evaluation.table import EVALUATIONS
from tests.stages.evaluation.made_up import made_up_predictions

SETTINGS = EvaluationSettings(n_bootstrap=100)


@pytest.fixture(scope="module")
def small():
    return made_up_predictions(5)


@pytest.fixture(scope="module")
def table(small):
    return pl.DataFrame(evaluate(small, SETTINGS))


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("all", "all", pl.lit(True)),
        ("codec", "mp3", pl.col("codec") == "mp3"),
        ("bitrate_kbps", "64", pl.col("bitrate_kbps") == 64),
        ("depth", "2", pl.col("depth") == 2),
        ("genre", "electronic", pl.col("genre") == "electronic/idm"),
        ("tier", "lossless", pl.col("tier") == "lossless"),
        ("reference", "dark", pl.col("reference") == "dark"),
    ],
)
@pytest.mark.parametrize("draw", ["uniform_draw", "natural_mix"])
def test_a_slice_holds_the_metrics_of_its_rows_and_says_how_many(
    small, table, draw, name, value, where
):
    rows = small.filter((pl.col("model") == "cnn1d") & pl.col(draw) & where)
    found = table.filter(
        (pl.col("model") == "cnn1d")
        & (pl.col("draw") == draw)
        & (pl.col("slice") == name)
        & (pl.col("value") == value)
    )
    assert found["metric"].to_list() == list(METRICS)
    for row in found.to_dicts():
        assert row["estimate"] == METRICS[row["metric"]](rows["label"], rows["predicted"])
        assert row["n_rows"] == rows.height
        assert row["n_recordings"] == rows["recording"].n_unique()
        if row["n_recordings"] < 3 or (row["metric"] == "spearman" and name != "all"):
            assert row["low"] is row["high"] is None
        else:
            assert row["low"] < row["high"]


def test_the_table_has_its_schema_and_the_same_bytes_every_time(small, table):
    again = evaluate(small, SETTINGS)
    assert again.schema.equals(EVALUATIONS.schema)
    assert pl.DataFrame(again).equals(table)


def test_another_seed_moves_intervals_and_no_estimate(small, table):
    other = pl.DataFrame(evaluate(small, EvaluationSettings(n_bootstrap=100, seed=1)))
    assert other["estimate"].equals(table["estimate"])
    assert not other["low"].equals(table["low"])


def test_more_confidence_is_a_wider_interval(small, table):
    wide = pl.DataFrame(evaluate(small, EvaluationSettings(n_bootstrap=100, confidence=0.99)))
    narrow = table.filter(pl.col("slice") == "all")
    both = narrow.join(wide, on=["model", "draw", "slice", "value", "metric"], suffix="_wide")
    assert (both["low_wide"].drop_nulls() <= both["low"].drop_nulls()).all()
    assert (both["high_wide"] - both["high"]).drop_nulls().sum() > 0


def test_bitrates_come_in_order_of_size_and_models_as_given(table):
    rates = table.filter(pl.col("slice") == "bitrate_kbps")["value"].unique(maintain_order=True)
    assert rates.to_list() == ["24", "32", "48", "64", "96", "128"]
    models = table["model"].unique(maintain_order=True).to_list()
    assert models == ["cnn1d", "mean", "small_cnn", "upper_edge"]


def test_a_constant_predictor_has_errors_and_a_correlation_that_is_none(table):
    mean = table.filter((pl.col("model") == "mean") & (pl.col("slice") == "all"))
    by_metric = {
        row["metric"]: row for row in mean.filter(pl.col("draw") == "uniform_draw").to_dicts()
    }
    assert by_metric["pearson"]["estimate"] is None
    assert by_metric["spearman"]["high"] is None
    assert by_metric["rmse"]["estimate"] > 10


def test_rows_that_are_not_for_the_test_change_nothing(small, table):
    seen = small.with_columns(part=pl.lit("train"), predicted=pl.col("label"))
    assert pl.DataFrame(evaluate(pl.concat([seen, small]), SETTINGS)).equals(table)
    with pytest.raises(StageError, match=r"no test rows to evaluate: .* role=test"):
        evaluate(seen, SETTINGS)


def test_what_nobody_knows_is_no_slice(small):
    blank = small.with_columns(genre=pl.lit(""), tier=pl.lit(""), reference=pl.lit(""))
    names = set(pl.DataFrame(evaluate(blank, SETTINGS))["slice"])
    assert names == {"all", "codec", "bitrate_kbps", "kind", "depth", "within"}


@pytest.mark.parametrize(
    ("codec", "what", "coded"),
    [
        ("mp3", "MP3 64 kbit/s", True),
        ("opus", "AAC 96 kbit/s → Opus 64 kbit/s", True),
        ("reference", "untouched reference", False),
        ("opus", "low-pass 7.5 kHz → Opus 64 kbit/s", False),
        ("lowpass", "low-pass 14 kHz", False),
        ("limiter", "limiter", False),
        ("white_noise", "white noise", False),
        ("mp3", "bit crusher → MP3 64 kbit/s", False),
        ("mp3", "resample → MP3 64 kbit/s", False),
    ],
)
def test_rows_of_codecs_alone_hold_no_filter_and_no_effect(codec, what, coded):
    row = pl.DataFrame({"codec": [codec], "what": [what], "upper_edge_hz": [16_000.0]})
    assert row.select(codec_rows()).item() is coded


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_prediction_that_is_no_number_is_never_averaged_away(small, value):
    broken = small.with_columns(
        predicted=pl.when((pl.col("model") == "cnn1d") & (pl.col("depth") == 2))
        .then(pl.lit(value))
        .otherwise("predicted")
    )
    with pytest.raises(StageError, match=r"model cnn1d gives no number for \d+ of \d+ test rows"):
        evaluate(broken, SETTINGS)


def test_the_difference_of_two_models_is_that_of_their_errors_on_the_same_draws(small, table):
    rmse = {
        row["model"]: row["estimate"]
        for row in table.filter(
            (pl.col("metric") == "rmse")
            & (pl.col("slice") == "all")
            & (pl.col("draw") == "uniform_draw")
        ).to_dicts()
    }
    found = [row for row in paired_differences(small, SETTINGS) if row["draw"] == "uniform_draw"]
    assert len(found) == 6
    for row in found:
        assert row["difference"] == pytest.approx(rmse[row["first"]] - rmse[row["second"]])
        assert row["low"] <= row["difference"] <= row["high"]


def test_the_order_of_rows_changes_no_comparison(small):
    shuffled = small.sample(fraction=1.0, shuffle=True, seed=3).sort("model", maintain_order=True)
    ordered = paired_differences(small, SETTINGS)
    for one, other in zip(ordered, paired_differences(shuffled, SETTINGS), strict=True):
        assert one["low"] == pytest.approx(other["low"])
