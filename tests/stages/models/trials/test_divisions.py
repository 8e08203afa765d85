import dataclasses

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.models import PROTOCOLS, ProtocolsSettings
from musqa_pipeline.stages.models.trials.divisions import (
    BY_LABEL,
    IN_HALVES,
    TEST_FOLD,
    Trial,
    divide,
    held_groups,
    list_trials,
    with_labels_of_chance,
)

PROCESSES = [("mp3", "mp3", 1), ("mp3", "opus", 2), ("opus", "opus", 1), ("lowpass", "mp3", 2)]
ONCE = {"boosted": 1}
EVERY_ROW = pl.lit(True)


def make_rows(n_groups=24, n_synthesised=8, n_test=4):
    rows = []
    for number in range(n_groups + n_synthesised + n_test):
        kind = "real" if number < n_groups else "synthesised"
        kind = "test" if number >= n_groups + n_synthesised else kind
        for i, (first, last, depth) in enumerate(PROCESSES * (1 + number % 3)):
            rows.append(
                {
                    "catalog": "c", "degraded_id": f"{number}-{i}", "split_group": f"g{number}",
                    "part": "test" if kind == "test" else ("train", "validation")[number % 5 == 0],
                    "tier": "synthesised" if kind == "synthesised" else "lossless",
                    "first_name": first, "last_name": last, "depth": depth,
                    "uniform_draw": i % 3 == 0, "natural_mix": i % 2 == 0,
                    "label": float(number * 37 % 101 + i),
                }
            )  # fmt: skip
    return pl.DataFrame(rows)


ROWS = make_rows()
EVERY = ProtocolsSettings(**{name: ONCE for name in PROTOCOLS if name != "learning_curve"},
                          learning_curve=ONCE)  # fmt: skip


# Rows that are dealt one by one have their recordings on both sides.
APART = [trial for trial in list_trials(ROWS, EVERY) if trial.protocol != "stratified"]


def groups(rows, mask):
    return set(rows.filter(mask)["split_group"])


@pytest.mark.parametrize("trial", APART, ids=str)
def test_no_trial_meets_what_it_predicts_and_no_test_recording_trains(trial):
    division = divide(trial, ROWS, EVERY)
    train, stop, asked = (
        groups(ROWS, mask) for mask in (division.train, division.validation, division.predicted)
    )
    assert train
    assert stop
    assert asked
    assert train.isdisjoint(stop)
    assert train.isdisjoint(asked)
    assert stop.isdisjoint(asked)
    assert groups(ROWS, pl.col("part") == "test").isdisjoint(train | stop)


@pytest.mark.parametrize("trial", APART, ids=str)
def test_a_body_may_have_heard_nothing_that_is_predicted_and_of_halves_all_that_trains(trial):
    division = divide(trial, ROWS, EVERY)
    held = set(held_groups(trial, ROWS, EVERY))
    assert held >= groups(ROWS, division.predicted)
    if trial.protocol in IN_HALVES and trial.fold != TEST_FOLD:
        assert held >= groups(ROWS, division.validation)
        assert held.isdisjoint(groups(ROWS, division.train))
        other_half = dataclasses.replace(trial, fold=str(int(trial.fold) ^ 1))
        assert held == set(held_groups(other_half, ROWS, EVERY))


@pytest.mark.parametrize("trial", APART, ids=str)
def test_darker_copies_train_in_no_trial_and_are_asked_with_their_recording(trial):
    originals = ROWS.filter(tier="lossless")
    copies = originals.with_columns(pl.col("degraded_id") + "-eq", tier=pl.lit("equalised")).filter(
        pl.col("part") != "test"
    )
    both = pl.concat([ROWS, copies])
    division = divide(trial, both, EVERY)
    training = both.filter(division.train | division.validation)
    assert training.equals(ROWS.filter(division.train | division.validation))
    asked = both.filter(division.predicted)
    found = asked.filter(tier="equalised")["degraded_id"].str.replace("-eq", "")
    with_copy = asked.filter(pl.col("part") != "test", tier="lossless")["degraded_id"]
    assert sorted(found) == sorted(with_copy)


@settings(max_examples=20, deadline=None)
@given(n_groups=st.integers(12, 40), n_folds=st.integers(2, 6))
def test_folds_predict_every_recording_once_and_no_synthesised_one(n_groups, n_folds):
    rows = make_rows(n_groups)
    wanted = ProtocolsSettings(folds=ONCE, n_folds=n_folds)
    asked = [
        rows.filter(divide(trial, rows, wanted).predicted)["degraded_id"].to_list()
        for trial in list_trials(rows, wanted)
    ]
    flat = [key for part in asked for key in part]
    drawn = rows.filter(pl.col("uniform_draw") | pl.col("natural_mix"))
    assert len(flat) == len(set(flat))
    assert set(flat) == set(drawn.filter(tier="lossless")["degraded_id"])
    sizes = [len(part) for part in asked[:-1]]
    assert max(sizes) - min(sizes) <= 12  # one group


def test_one_more_recording_leaves_the_others_validation_lots_as_they_are():
    few, more = make_rows(23), make_rows(24)
    trial = Trial("repetitions", "", "", "boosted", 3)
    before, after = (groups(r, divide(trial, r, EVERY).validation) for r in (few, more))
    assert len(before ^ after) <= 2


def test_repetitions_stop_on_other_recordings_and_predict_the_same():
    trials = [Trial("repetitions", "", "", "boosted", i) for i in range(6)]
    divisions = [divide(trial, ROWS, EVERY) for trial in trials]
    assert len({frozenset(groups(ROWS, d.validation)) for d in divisions}) > 3
    assert {frozenset(groups(ROWS, d.predicted)) for d in divisions} == {
        frozenset(groups(ROWS, pl.col("part") == "test"))
    }


def test_a_codec_that_is_left_out_is_left_out_of_both_halves():
    division = divide(Trial("leave_codec_out", "", "mp3", "boosted", 0), ROWS, EVERY)
    for mask in (division.train, division.validation):
        rows = ROWS.filter(mask)
        assert "mp3" not in {*rows["first_name"], *rows["last_name"]}
    asked = ROWS.filter(division.predicted)
    assert ((asked["first_name"] == "mp3") | (asked["last_name"] == "mp3")).all()


def test_singles_train_and_cascades_are_predicted():
    division = divide(Trial("singles_to_cascades", "", "", "boosted", 0), ROWS, EVERY)
    assert ROWS.filter(division.train)["depth"].max() == 1
    assert ROWS.filter(division.predicted)["depth"].min() == 2


def test_synthesised_and_real_music_change_places():
    there = divide(Trial("synthesised_to_real", "", "", "boosted", 0), ROWS, EVERY)
    back = divide(Trial("real_to_synthesised", "", "", "boosted", 0), ROWS, EVERY)
    assert set(ROWS.filter(there.train)["tier"]) == {"synthesised"}
    assert set(ROWS.filter(there.predicted)["tier"]) == {"lossless"}
    assert set(ROWS.filter(back.train)["tier"]) == {"lossless"}
    assert set(ROWS.filter(back.predicted)["tier"]) == {"synthesised"}


def test_the_learning_curve_adds_references_and_takes_none_away():
    trials = [Trial("learning_curve", share, "", "boosted", 0) for share in ("0.25", "0.5", "1")]
    trained = [groups(ROWS, divide(t, ROWS, EVERY).train) for t in trials]
    assert trained[0] < trained[1] < trained[2]
    stopped = {frozenset(groups(ROWS, divide(t, ROWS, EVERY).validation)) for t in trials}
    assert len(stopped) == 1


def test_first_repetitions_of_everything_come_first():
    trials = list_trials(ROWS, ProtocolsSettings(folds={"a": 2}, repetitions={"b": 3}))
    assert [t.repetition for t in trials] == sorted(t.repetition for t in trials)
    assert {t.fold for t in trials if t.model == "a"} == {"0", "1", "2", "3", "4", TEST_FOLD}


def test_a_part_without_rows_is_named():
    real = ROWS.filter(pl.col("tier") != "synthesised")
    with pytest.raises(StageError, match="synthesised_to_real, part whole: no rows for train; add"):
        divide(Trial("synthesised_to_real", "", "", "boosted", 0), real, EVERY)


def test_some_degradations_are_left_out_where_they_are_named():
    every = ProtocolsSettings(leave_codec_out=ONCE)
    assert [t.fold for t in list_trials(ROWS, every)] == ["lowpass", "mp3", "opus"]
    some = ProtocolsSettings(leave_codec_out=ONCE, left_out=("opus", "lowpass"))
    trials = list_trials(ROWS, some)
    assert [t.fold for t in trials] == ["lowpass", "opus"]
    for trial in trials:
        division = divide(trial, ROWS, some)
        has_it = (pl.col("first_name") == trial.fold) | (pl.col("last_name") == trial.fold)
        assert ROWS.filter(division.train | division.validation).filter(has_it).is_empty()
        assert ROWS.filter(division.predicted).filter(~has_it).is_empty()
    wrong = ProtocolsSettings(leave_codec_out=ONCE, left_out=("limiter",))
    with pytest.raises(StageError, match="left_out: no row has 'limiter'; these rows have lowpass"):
        list_trials(ROWS, wrong)


def test_ablations_train_on_the_same_music_and_predict_the_rows_of_what_was_left_out():
    whole = divide(Trial("ablations", "", "", "boosted", 0), ROWS, EVERY)
    part = divide(Trial("leave_codec_out", "", "opus", "boosted", 0), ROWS, EVERY)
    assert groups(ROWS, part.train) == groups(ROWS, whole.train)
    keys = [set(ROWS.filter(d.predicted)["degraded_id"]) for d in (part, whole)]
    assert keys[0] < keys[1]


@pytest.mark.parametrize("protocol", BY_LABEL)
@pytest.mark.parametrize("n_test", [0, 4])
def test_halves_of_folds_change_places_and_predict_every_row_once(protocol, n_test):
    rows = make_rows(n_test=n_test)
    trials = list_trials(rows, ProtocolsSettings(**{protocol: ONCE}))
    assert [t.fold for t in trials] == [*"012345", *([TEST_FOLD] if n_test else [])]
    divisions = [divide(trial, rows, EVERY) for trial in trials]
    asked = [key for d in divisions for key in rows.filter(d.predicted)["degraded_id"]]
    drawn = rows.filter(pl.col("uniform_draw") | pl.col("natural_mix"), tier="lossless")
    assert sorted(asked) == sorted(drawn["degraded_id"])
    real = rows.filter(pl.col("part") != "test", tier="lossless")
    synthesised = set(rows.filter(tier="synthesised")["degraded_id"])
    for here, there in zip(divisions[:6:2], divisions[1:6:2], strict=True):
        stops = set(rows.filter(here.validation)["degraded_id"])
        assert stops >= set(rows.filter(there.predicted)["degraded_id"])
        trained = set(rows.filter(here.train)["degraded_id"])
        assert trained == set(rows.filter(there.train)["degraded_id"])
        assert synthesised < trained
        assert len(trained - synthesised) == pytest.approx(real.height * 2 / 3, abs=7)
    if protocol == "stratified":
        labels = [rows.filter(d.validation)["label"].mean() for d in divisions[:6]]
        assert max(labels) - min(labels) < 4  # they go from 0 to 112; by chance some 13


def test_rows_that_are_dealt_one_by_one_have_recordings_on_both_sides():
    trial = Trial("stratified", "", "0", "boosted", 0)
    division = divide(trial, ROWS, EVERY)
    assert not groups(ROWS, division.train).isdisjoint(groups(ROWS, division.predicted))
    assert ROWS.filter(division.train & (division.predicted | division.validation)).is_empty()


def test_too_few_rows_for_the_classes_are_counted():
    few = make_rows(n_groups=8)
    message = "14 rows of 8 groups of recordings, but 15 classes in 6 halves of folds need 90 rows"
    for protocol in BY_LABEL:
        with pytest.raises(StageError, match=f"protocol {protocol}: .*{message[3:]}"):
            divide(Trial(protocol, "", "0", "boosted", 0), few, EVERY)


def test_labels_of_chance_train_one_half_after_the_other_and_true_ones_are_predicted():
    settings = ProtocolsSettings(random_labels={"boosted": 8}, grouped=ONCE)
    trials = list_trials(ROWS, settings)
    drawn = [trial for trial in trials if trial.protocol == "random_labels"]
    assert [trial.fold for trial in drawn] == ["0", "1", "2", "3", "4", "5", "0", "1"]
    first, again = (divide(trial, ROWS, settings) for trial in (drawn[0], drawn[6]))
    as_grouped = divide(Trial("grouped", "", "0", "boosted", 0), ROWS, settings)
    for part in ("train", "validation", "predicted"):
        ours, theirs = (ROWS.filter(getattr(d, part)) for d in (first, as_grouped))
        assert ours.equals(theirs)
    known = ROWS.filter(first.train)["label"]
    made = with_labels_of_chance(ROWS, first, 0, EVERY_ROW)
    chosen = first.train | first.validation
    seen = made.filter(chosen)
    assert seen["label"].mean() == pytest.approx(known.mean(), abs=4 * known.std() / 10)
    assert seen["label"].std() == pytest.approx(known.std(), rel=0.3)
    assert abs(np.corrcoef(seen["label"], ROWS.filter(chosen)["label"])[0, 1]) < 0.3
    assert made.filter(~chosen).equals(ROWS.filter(~chosen))
    shuffled = ROWS.sample(fraction=1.0, shuffle=True, seed=1)
    again_made = with_labels_of_chance(shuffled, first, 0, EVERY_ROW)
    assert again_made.sort("degraded_id").equals(made.sort("degraded_id"))
    few = with_labels_of_chance(ROWS, first, 0, pl.col("degraded_id").str.ends_with("-0"))
    own = ROWS.filter(first.train, pl.col("degraded_id").str.ends_with("-0"))["label"]
    scaled = (seen["label"] - known.mean()) / known.std(ddof=0) * own.std(ddof=0) + own.mean()
    np.testing.assert_allclose(few.filter(chosen)["label"], scaled)
    assert not with_labels_of_chance(ROWS, again, 6, EVERY_ROW)["label"].equals(made["label"])
