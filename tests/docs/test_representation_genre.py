"""Tables on genre from made-up rows: the paper's numbers beside ours, and what was not run."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.studies.statistics.classes import weighted_f1
from tests.stages.genres.test_read import BAD, GOOD, MADE_UP, TRUE


@pytest.fixture(scope="module")
def script():
    import representation_genre

    return representation_genre


def test_the_paper_s_six_numbers_stand_beside_ours(script):
    lines = script.beside_the_paper(MADE_UP).splitlines()[2:]
    assert [line.split(" | ")[2] for line in lines] == [
        "0.220", "0.266", "0.035", "0.355", "0.426", "0.439",
    ]  # fmt: skip
    assert f"{weighted_f1(TRUE, BAD):.3f} [" in lines[0]
    absent = script.beside_the_paper(MADE_UP.with_columns(clips=pl.lit("synthesised")))
    assert absent.count("not run: needs GTZAN") == 6


def test_all_classifiers_stand_in_a_table(script):
    table = script.classifiers_table(MADE_UP, "gtzan")
    assert "stratified guesses" in table
    assert "NLPD on white, flat" in table
    assert "Left out: jazz.00054." in table
    assert script.classifiers_table(MADE_UP.clear(), "gtzan") == "not run: needs GTZAN"
    assert "1.25 | 50.00 %" in script.distances_table(MADE_UP)


def test_losses_are_compared_with_each_other(script):
    assert script.losses_table(MADE_UP) == "not run: fewer than two losses are trained"
    plain = MADE_UP.filter(training="t").with_columns(loss=pl.lit("mse"))
    plain = plain.with_columns(predicted=pl.Series([BAD] * 2, dtype=plain["predicted"].dtype))
    table = script.losses_table(pl.concat([MADE_UP, plain]))
    gain = (weighted_f1(TRUE, GOOD) - weighted_f1(TRUE, BAD)) / 2
    wanted = f"| gtzan | white | flat | NLPD less log-mel MSE | {gain:.3f} ["
    assert [line.startswith(wanted) for line in table.splitlines()[2:]] == [True]


def test_a_figure_is_that_of_flat_latents(script, monkeypatch, capsys):
    evidence = SimpleNamespace(context=None)
    monkeypatch.setattr(script, "read_genres", lambda context: MADE_UP)
    with pytest.raises(StageError, match="no nlpd on gtzan; name it in"):
        script.FIGURES["genre_gtzan_nlpd"](evidence)
    both = pl.concat([MADE_UP, MADE_UP.with_columns(pooling=pl.lit("pooled"))])
    monkeypatch.setattr(script, "read_genres", lambda context: both)
    wanted = (weighted_f1(TRUE, GOOD) + weighted_f1(TRUE, BAD)) / 2
    assert script.FIGURES["genre_gtzan_nlpd"](evidence) == pytest.approx(wanted, abs=1e-4)
    assert "nlpd on gtzan, pooled" in capsys.readouterr().out
    assert script.FIGURES["genre_gtzan_dummy"](evidence) == weighted_f1(TRUE, BAD)
    assert "stratified guesses" in script.TABLES["Genres of gtzan"](evidence)
    assert script.TABLES["Genres of catalogs"](evidence) == "not run"


def test_pictures_are_named_by_clips(script):
    assert set(script.pictures(MADE_UP)) == {
        f"genre_gtzan_{what}"
        for what in ("distances", "neighbours", "neighbours_confusions", "latents_confusions")
    }
