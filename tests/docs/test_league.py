"""The league on made-up predictions, of which each number is known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.release.model.gates import COPIES_GOOD, DULL_BIAS, DULL_GOOD, DULL_RMSE
from musqa_pipeline.release.model.stage import RELEASABLE
from musqa_pipeline.stages.graph import load_preset
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.studies.figures import house_style, to_png
from tests import ROOT

N_RECORDINGS = 12
BASE = "musqa_net"


@pytest.fixture(scope="module")
def script():
    import write_league

    return write_league


def rows_of():
    """Six rows a recording, of which two are low-passes; every fourth recording is dark."""
    rows = []
    for whose in range(N_RECORDINGS):
        for number, label in enumerate((90.0, 60.0, 35.0, 20.0, 75.0, 10.0)):
            dull = number in (3, 5)
            rows.append(
                {"catalog": "c", "degraded_id": f"{whose}-{number}", "split_group": f"s{whose}",
                 "label": label, "codec": "lowpass" if dull else "mp3", "depth": 1,
                 "cutoff_hz": 3_500.0 if dull else None, "natural_mix": True, "trusted": True,
                 "reference": "dark" if whose % 4 == 3 else "full band",
                 "fold": "test" if whose == 0 else str(whose % 3), "asked": "out_of_fold"}
            )  # fmt: skip
        rows.append({**rows[-1], "degraded_id": f"{whose}-copy", "asked": "copies"})
    return pl.DataFrame(rows)


def said_by(model, repetition, error):
    """Let a training err by `error(row)` points."""
    rows = rows_of()
    predicted = [row["label"] + error(row) for row in rows.to_dicts()]
    about = {"model": pl.lit(model), "repetition": pl.lit(repetition)}
    return rows.with_columns(predicted=pl.Series(predicted), **about)


@pytest.fixture(scope="module")
def said():
    def dull(row):
        return row["codec"] == "lowpass"

    return pl.concat(
        [
            said_by("boosted", 0, lambda row: 4.0),
            said_by("musqa_net", 0, lambda row: 60.0 if dull(row) else 2.0),
            said_by("musqa_net", 1, lambda row: 20.0 if dull(row) else -2.0),
            said_by("better", 0, lambda row: 1.0),
            said_by("better", 1, lambda row: -3.0),
        ]
    )


def test_trainings_are_measured_one_by_one_and_averaged(script, said):
    lines = {line["model"]: line for line in script.league(said, BASE)}
    assert list(lines) == [
        "boosted", "musqa_net", "musqa_net, averaged", "musqa_net and boosted, averaged",
        "better", "better, averaged", "better and boosted, averaged",
    ]  # fmt: skip
    base = lines["musqa_net"]["values"]
    assert base[DULL_RMSE] == pytest.approx([60, 20])
    assert base[DULL_GOOD] == [1.0, 0.0]  # 70 and 80 points, then 30 and 40
    assert base[DULL_BIAS] == [1.0, 0.0]  # a bias of 20 is not above it
    assert base[COPIES_GOOD] == [1.0, 0.0]
    assert base["dark, RMSE"] == pytest.approx([np.sqrt((4 * 4 + 2 * 3600) / 6),
                                                np.sqrt((4 * 4 + 2 * 400) / 6)])  # fmt: skip
    assert base["filters, RMSE"] == pytest.approx([60, 20])
    # Averaged first, errors of both trainings meet.
    assert lines["musqa_net, averaged"]["values"][DULL_RMSE] == pytest.approx([40])
    assert lines["better, averaged"]["values"]["all, RMSE"] == pytest.approx([1])
    assert lines["better and boosted, averaged"]["values"]["all, RMSE"] == pytest.approx([1.5])
    assert lines["musqa_net and boosted, averaged"]["values"][DULL_RMSE] == pytest.approx([22])
    kept = [name for name, line in lines.items() if line["keeps"]]
    assert kept == ["boosted", "better", "better, averaged", "better and boosted, averaged"]


def test_recordings_of_the_test_are_no_part_of_the_gates(script, said):
    worse = pl.when(pl.col("fold") == "test").then(pl.col("predicted") + 80).otherwise("predicted")
    lines = script.league(said.with_columns(predicted=worse), BASE)
    before, after = script.league(said, BASE)[0]["values"], lines[0]["values"]
    assert after[DULL_RMSE] == before[DULL_RMSE]
    assert after["test, RMSE"][0] == pytest.approx(before["test, RMSE"][0] + 80)


def test_differences_are_paired_by_row_and_seed(script, said):
    found = script.differences(said, "better", BASE)
    base = np.sqrt(np.mean(np.square([60.0, 20.0])))
    better = np.sqrt(np.mean(np.square([1.0, 3.0])))
    assert found["less base: dull"].value == pytest.approx(better - base)
    assert found["less base: full band"].value < 0
    assert script.differences(said, BASE, BASE) == {}
    # Boosting has one training: beside the first of the network.
    assert script.differences(said, "boosted", BASE)["less base: dull"].value == pytest.approx(-56)


def test_lines_are_words_with_ranges(script, said):
    words = [script.as_words(line) for line in script.league(said, BASE)]
    assert words[1]["dull, RMSE"] == "40.0 (20.0 to 60.0)"
    assert words[1]["dull > 60"] == "50.0 % (0.0 % to 100.0 %)"
    assert words[1]["gates"] == "broken"
    assert words[2]["dull, RMSE"] == "40.0"
    assert words[4]["less base: dull"].startswith("-42")
    assert len({tuple(line) for line in words}) == 1  # one table, the same columns


def test_the_picture_has_a_mark_a_training(script, said):
    lines = script.league(said, BASE)
    with house_style("league"):
        figure = script.draw(lines, BASE)
        assert to_png(figure, n_colours=256).startswith(b"\x89PNG")
    (axes,) = figure.axes
    marks = marks_of(axes)
    assert sum(len(mark.get_xdata()) for mark in marks) == 5 + 4  # trainings and averages
    assert len({mark.get_color() for mark in marks}) == 3
    assert {mark.get_marker() for mark in marks} == {"o", "s", "D", "^"}


def test_models_of_other_music_have_a_panel_with_a_colour_a_music(script, said):
    other = said.with_columns(model=pl.col("model") + " (other)")
    lines = script.league(pl.concat([said, other]), BASE)
    with house_style("league"):
        figure = script.draw(lines, BASE)
    first, second = figure.axes
    assert len(marks_of(first)) == 7  # lines of models of the first preset
    assert len(marks_of(second)) == 7 + 4  # those of the other; the base's three and boosting's
    assert len({mark.get_color() for mark in marks_of(second)}) == 2
    assert [text.get_text() for text in second.get_legend().get_texts()] == ["all", "other"]


def marks_of(axes):
    found = [line for line in axes.lines if line.get_marker() != "None"]
    return [mark for mark in found if len(mark.get_xdata())]


def test_the_league_judges_the_recipes_that_the_release_trains():
    league, release = (
        load_preset(ROOT / "docs" / "results" / name)
        for name in ("league.toml", "musqa_net_2.toml")
    )
    names = [name for name in league.protocols.folds if name in MODELS]
    assert release.release.network in names
    for name in names:
        assert name in RELEASABLE
    for name in release.models.recipes:
        trained, judged = recipe_of(name, release.models), recipe_of(name, league.models)
        assert replace(judged, n_members=trained.n_members) == trained
        assert judged.n_members == (4 if name == "musqa_net" else 1)


def test_models_of_another_preset_meet_its_own_boosting(script, said):
    other = said.with_columns(
        model=pl.col("model") + " (other)", predicted=pl.col("predicted") + 10
    )
    lines = {line["model"]: line for line in script.league(pl.concat([said, other]), BASE)}
    assert len(lines) == 14
    both = lines["better (other) and boosted, averaged"]["values"]
    assert both["all, RMSE"] == pytest.approx([11.5])
    assert lines["better (other)"]["less base: dull"].value < 0


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("league_without_dark.toml", ("sampled_dark",)),
        ("league_without_synthesised.toml", ("synthesised",)),
        ("league_dark.toml", ("sampled_bright", "synthesised")),
        ("league_real.toml", ("sampled_bright", "sampled_dark", "synthesised")),
    ],
)
def test_what_music_is_worth_is_told_by_leaving_it_out(name, left_out):
    league, other = (load_preset(ROOT / "docs" / "results" / n) for n in ("league.toml", name))
    assert other.models.left_out_catalogs == left_out
    assert set(other.protocols.folds) <= set(league.protocols.folds)
    assert (other.degradations, other.dataset) == (league.degradations, league.dataset)


def test_a_record_adds_up_what_several_machines_trained(script, said, tmp_path):
    file = tmp_path / "league.parquet"
    first, second = said.filter(model=BASE), said.filter(model="better")
    script.recorded(file, [first])
    whole = script.recorded(file, [second.with_columns(predicted=pl.col("predicted") + 9), first])
    whole = script.recorded(file, [second])
    assert whole.height == first.height + second.height
    from_file = script.league(script.recorded(file, []), BASE)
    at_once = script.league(pl.concat([first, second]), BASE)
    assert {line["model"] for line in from_file} == {line["model"] for line in at_once}
    for line in at_once:
        again = next(other for other in from_file if other["model"] == line["model"])
        for name, values in line["values"].items():
            assert again["values"][name] == pytest.approx(values, abs=1e-4)


def test_a_record_that_is_not_there_is_named(script, tmp_path):
    with pytest.raises(StageError, match=r"none\.parquet does not exist"):
        script.recorded(tmp_path / "none.parquet", [])
