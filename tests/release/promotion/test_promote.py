"""Decisions on a lake written by hand: who is champion, on which rows, and what survives."""

import dataclasses
import shutil

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.release.promotion import promote as promoting
from musqa_pipeline.release.promotion.candidate import read_champion
from musqa_pipeline.release.promotion.frozen import current_test_rows, read_frozen
from musqa_pipeline.release.promotion.history import read_history
from musqa_pipeline.release.promotion.promote import promote, refreeze
from musqa_pipeline.release.promotion.scores import score_frozen
from musqa_pipeline.stages.engine.records import RECORDS
from musqa_pipeline.storage.lake.lake import Lake
from tests.release.promotion.world import PROMOTED, changed_dataset, retrained, train_anew

pytestmark = pytest.mark.usefixtures("networks")


def test_the_first_model_is_champion_and_freezes_the_test_rows(context):
    row = promote(context)
    assert (row["decision"], row["number"], row.get("champion")) == ("first", 1, None)
    assert row["reason"] == "first: there was no champion before it"
    assert row["rmse_points"] == pytest.approx(5.0, abs=0.05)
    assert (row["n_rows"], row["n_recordings"], row["draw"]) == (8, 4, "uniform_draw")
    frozen = read_frozen(context, [1])
    assert set(frozen["recording"]) == {f"recording {n}" for n in (6, 7, 8, 9)}
    assert frozen.height == 12
    assert (context.home / row["report"]).read_text() == "<p>report</p>"


def test_a_model_replaces_the_champion_unless_it_may_be_worse_by_the_margin(context):
    promote(context)
    champion, biases = 1, {1: 0.05}
    steps = [(0.062, "kept"), (-0.2, "kept"), (0.058, "promoted"), (0.069, "kept"), (0, "promoted")]
    for number, (bias, decision) in enumerate(steps, 2):
        train_anew(context, bias)
        row = promote(context)
        biases[number] = abs(bias)
        assert (row["number"], row["decision"], row["champion"]) == (number, decision, champion)
        difference = 100 * (biases[number] - biases[champion])
        assert row["difference_points"] == pytest.approx(difference, abs=0.05)
        assert row["champion_rmse_points"] == pytest.approx(100 * biases[champion], abs=0.05)
        champion = number if decision == "promoted" else champion
        assert read_history(context).champion["number"] == champion


def test_the_same_model_is_decided_on_once_and_under_another_margin_again(context):
    promote(context)
    assert promote(context)["number"] == 1
    train_anew(context, 0.065)
    assert promote(context)["decision"] == "kept"
    assert promote(context)["number"] == 2
    lenient = dataclasses.replace(PROMOTED.promotion, margin_points=3.0)
    preset = dataclasses.replace(PROMOTED, promotion=lenient)
    assert promote(dataclasses.replace(context, preset=preset))["decision"] == "promoted"
    assert [row["number"] for row in read_history(context).decisions] == [1, 2, 3]


def test_both_reports_stay(context):
    first = promote(context)
    after = changed_dataset(context, lambda rows: rows)
    retrained(context, after, 0.04)
    second = promote(after)
    shutil.rmtree(context.lake.folder(context.joint_partition("evaluation")))
    assert second["champion_report"] == first["report"]
    assert (context.home / first["report"]).read_text() == "<p>report</p>"
    assert (context.home / second["report"]).read_text() == "<p>another</p>"


def test_a_test_recording_in_training_disqualifies_however_good_the_model_is(context):
    promote(context)

    def moved(rows):
        seven = pl.col("recording") == "recording 7"
        return rows.with_columns(
            part=pl.when(seven).then(pl.lit("train")).otherwise("part"),
        )

    after = retrained(context, changed_dataset(context, moved), 0.0)
    row = promote(after)
    assert row["decision"] == "disqualified"
    assert row["reason"] == "it met frozen test recordings in training: recording 7"
    assert "rmse_points" not in row
    assert read_history(after).champion["number"] == 1
    assert promote(after)["number"] == 2  # said once


def test_newer_test_recordings_are_told_apart_and_join_by_an_act_alone(context):
    def three_test(rows):
        return rows.filter(pl.col("recording") != "recording 9")

    before = retrained(context, changed_dataset(context, three_test), 0.05)
    promote(before)
    train_anew(context, 0.04)
    row = promote(context)
    assert (row["decision"], row["frozen_set"], row["n_recordings"]) == ("promoted", 1, 3)
    assert (row["n_new_rows"], row["n_new_recordings"]) == (3, 1)
    assert row["new_rmse_points"] == pytest.approx(4.0, abs=0.05)
    assert row["new_champion_rmse_points"] == pytest.approx(5.0, abs=0.05)
    assert set(read_frozen(context, [1])["recording"]) == {f"recording {n}" for n in (6, 7, 8)}
    act = refreeze(context, "a ninth song")
    assert (act["decision"], act["frozen_set"], act["n_recordings"]) == ("refrozen", 2, 4)
    assert act["reason"] == "1 test recordings joined: a ninth song"
    assert act["champion_rmse_points"] == pytest.approx(4.0, abs=0.05)
    train_anew(context, 0.03)
    row = promote(context)
    assert (row["frozen_set"], row["n_recordings"], row["n_new_recordings"]) == (2, 4, 0)
    with pytest.raises(ModelError, match="0 test recordings that are not frozen; there is nothing"):
        refreeze(context)


def test_a_recording_that_the_champion_met_does_not_join(context):
    def eight_trains(rows):
        eight = pl.col("recording") == "recording 8"
        return rows.with_columns(part=pl.when(eight).then(pl.lit("train")).otherwise("part"))

    before = retrained(context, changed_dataset(context, eight_trains), 0.05)
    promote(before)
    with pytest.raises(ModelError, match="which the champion met in training; there is nothing"):
        refreeze(context)
    assert [row["decision"] for row in read_history(context).decisions] == ["first"]


def test_champion_and_rows_outlive_catalog_dataset_and_training(context):
    promote(context)
    champion, current = read_history(context).champion, current_test_rows(context)
    model = read_champion(context, champion["weights"])
    before = score_frozen(context, model, [1], current)
    for folder in (context.home / "lake").iterdir():
        if folder.name not in RECORDS or folder.name == "frozen_scores":
            shutil.rmtree(folder)
    again = score_frozen(context, read_champion(context, model.weights), [1], current.clear())
    assert_frame_equal(again, before)
    assert again.height == 12


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def test_a_kill_at_any_write_leaves_the_old_champion_or_the_new_one(context, monkeypatch):
    promote(context)
    write, moments = Lake.write, []
    for killed_at in range(20):
        for after in (False, True):
            train_anew(context, 0.04 - 0.001 * len(moments))
            calls = 0

            def dying(self, *arguments, _at=killed_at, _after=after, **options):
                nonlocal calls
                calls += 1
                if calls - 1 == _at and not _after:
                    raise Killed
                path = write(self, *arguments, **options)
                if calls - 1 == _at:
                    raise Killed
                return path

            before = read_history(context).champion
            with monkeypatch.context() as patch:
                patch.setattr(Lake, "write", dying)
                try:
                    promote(context)
                except Killed:
                    moments.append((killed_at, after))
                else:
                    assert killed_at >= 3
                    return
            left = read_history(context).champion
            assert left["number"] in (before["number"], before["number"] + 1)
            read_champion(context, left["weights"])
            row = promote(context)
            assert row["decision"] == "promoted"
            assert read_history(context).champion["number"] == before["number"] + 1
    raise AssertionError("it never came to an end undisturbed")


def test_a_kill_while_freezing_leaves_no_row_of_it(context, monkeypatch):
    def three_test(rows):
        return rows.filter(pl.col("recording") != "recording 9")

    promote(retrained(context, changed_dataset(context, three_test), 0.05))

    def dying(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(promoting, "write_decision", dying)
        with pytest.raises(Killed):
            refreeze(context)
    history = read_history(context)
    assert list(history.sets) == [1]
    assert read_frozen(context, history.sets)["recording"].n_unique() == 3
    assert refreeze(context)["frozen_set"] == 2
    assert read_frozen(context, [1, 2]).height == 12


def test_nothing_is_promoted_where_none_is_asked_for_or_trained(context):
    def asked_for(network):
        settings = dataclasses.replace(PROMOTED.promotion, network=network)
        preset = dataclasses.replace(PROMOTED, promotion=settings)
        return dataclasses.replace(context, preset=preset)

    assert promote(asked_for("")) is None
    assert promote(asked_for("late")) is None  # which did not finish
    with pytest.raises(ModelError, match="preset small has no champion yet; name a network"):
        refreeze(context)
