import polars as pl
import pytest

from musqa_pipeline.stages.degradations.words import process_words
from musqa_pipeline.stages.evaluation.summary import (
    headline_model,
    number,
    sentences,
    with_interval,
)
from tests.stages.evaluation.made_up import made_up_run


@pytest.mark.parametrize(
    ("process", "words"),
    [
        (("mp3", 64.0, None), "MP3 64 kbit/s"),
        (("adts", 96.0, None), "AAC 96 kbit/s"),
        (("lowpass", None, 3500.0), "low-pass 3.5 kHz"),
        (("reverb", None, None), "reverb"),
    ],
)
def test_a_process_is_said_in_words(process, words):
    assert process_words(*process) == words


def test_numbers_have_a_real_minus_and_never_a_minus_before_zero():
    assert number(-3.14159, 1) == "−3.1"
    assert number(-0.001, 2) == "0.00"
    assert number(2.0, 1, sign=True) == "+2.0"
    assert number(None) == "–"


def test_an_estimate_without_interval_shows_none():
    assert with_interval({"estimate": 0.5, "low": None, "high": None}) == "0.50"
    assert with_interval({"estimate": 0.5, "low": 0.25, "high": 0.75}) == "0.50 [0.25, 0.75]"
    assert with_interval({"estimate": None, "low": None, "high": None}) == "not defined"


def test_the_page_puts_first_what_validated_best_and_never_what_is_unfinished():
    runs = [
        made_up_run("a", loss=0.03),
        made_up_run("b", loss=0.02),
        made_up_run("c", loss=0.01, finished=False),
    ]
    assert headline_model(runs) == "b"
    assert headline_model(runs[2:]) is None


def test_an_absolute_error_is_put_first_only_where_there_is_no_square():
    runs = [made_up_run("nisqa_l1", loss=0.1), made_up_run("convmaxpool", loss=0.09)]
    assert headline_model(runs) == "convmaxpool"
    assert headline_model([*runs, made_up_run("cnn1d", loss=0.2)]) == "cnn1d"


def test_the_sentences_hold_the_numbers_of_the_table(content):
    said = " ".join(sentences("cnn1d", content.evaluations, content.differences))
    whole = content.evaluations.filter(
        (pl.col("model") == "cnn1d") & (pl.col("slice") == "all") & (pl.col("metric") == "rmse")
    )
    for row in whole.to_dicts():
        assert f"RMSE = {row['estimate']:.1f} [{row['low']:.1f}, {row['high']:.1f}]" in said
        assert f"{row['n_rows']:,} excerpts of 14 recordings" in said
    assert "below that of the mean predictor" in said
    assert "dark references" in said


def test_a_difference_whose_interval_holds_zero_is_called_none(content):
    row = {
        "protocol": "holdout", "variant": "", "metric": "rmse", "draw": "uniform_draw",
        "first": "mean", "second": "cnn1d", "difference": 3.0,
    }  # fmt: skip
    open_ended = sentences("cnn1d", content.evaluations, [{**row, "low": -1.0, "high": 5.0}])
    assert any("3.0 points below that of the mean predictor (interval −5.0 to +1.0, which holds 0"
               in sentence for sentence in open_ended)  # fmt: skip
    clear = sentences("cnn1d", content.evaluations, [{**row, "low": 1.0, "high": 5.0}])
    assert any("(interval −5.0 to −1.0)" in sentence for sentence in clear)


def test_few_recordings_are_called_few(content):
    few = content.evaluations.with_columns(n_recordings=pl.lit(6))
    assert any(s.startswith("6 test recordings are few") for s in sentences("cnn1d", few, []))
    assert not any("are few" in s for s in sentences("cnn1d", content.evaluations, []))
