import dataclasses

import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.ratings import Rating, Ratings, read_webmushra
from musqa_pipeline.studies.listening.screening import RULES, missing_data, screen
from musqa_pipeline.studies.listening.settings import ScreeningSettings
from tests.studies.listening.listeners import write_key, write_results

STANDARD = ScreeningSettings()
SIDE_EFFECTS = {
    "all_top": {"anchor_top"},  # who rates everything 100 rates the anchor 100
    "anchor_top": {"anchor_above_mid_anchor"},
}


def rated(folder, faults, **kwargs):
    key = write_key(folder / "key.csv")
    return read_webmushra(write_results(folder / "mushra.csv", faults, **kwargs), key)


def rules_of(rejections, rater):
    return {r.rule for r in rejections if r.rater == rater}


@pytest.mark.parametrize("fault", ["headphones", *RULES])
def test_each_rule_catches_its_planted_fault_and_no_clean_listener(tmp_path, fault):
    for seed in range(5):
        found = screen(rated(tmp_path, [None, fault, None], seed=seed), STANDARD)
        assert {r.rater for r in found} == {"uuid-1"}
        assert rules_of(found, "uuid-1") - SIDE_EFFECTS.get(fault, set()) == {fault}


def test_of_a_hundred_clean_listeners_none_is_rejected(tmp_path):
    ratings = rated(tmp_path, [None] * 100, seed=9)
    assert len(ratings.raters) == 100
    assert screen(ratings, STANDARD) == []
    assert missing_data(ratings) == {}


def test_reasons_say_what_was_found_with_numbers(tmp_path):
    faults = ["reference_mid_scale", "anchor_above_mid_anchor", "repeats", "headphones"]
    reasons = {r.rule: r.reason for r in screen(rated(tmp_path, faults), STANDARD)}
    assert reasons == {
        "reference_mid_scale": "the hidden reference at 60 or below on 3 of 8 pages",
        "anchor_above_mid_anchor": (
            "the 3.5 kHz anchor above the 7 kHz anchor by more than 20 on 2 of 8 pages"
        ),
        "repeats": (
            "1 of 5 repeated excerpts more than 50 apart, at most 51 (song2-process_17.wav)"
        ),
        "headphones": "reports no headphones",
    }


def changed(**values):
    return dataclasses.replace(STANDARD, **values)


@pytest.mark.parametrize(
    ("fault", "loose"),
    [
        ("headphones", changed(headphones=False)),
        ("reference_mid_scale", changed(mid_scale_frac=0.5)),
        ("anchor_above_reference", changed(above_reference_frac=0.06)),
        ("anchor_above_mid_anchor", changed(above_mid_anchor_frac=0.41)),
        ("repeats", changed(repeat_frac=0.52)),
        ("anchor_above_mid_anchor", changed(tolerated_frac=0.25)),
    ],
)
def test_every_threshold_is_a_setting(tmp_path, fault, loose):
    ratings = rated(tmp_path, [fault])
    assert {r.rule for r in screen(ratings, STANDARD)} == {fault}
    assert screen(ratings, loose) == []


def test_the_second_test_of_the_paper_takes_forty_percent(tmp_path):
    ratings = rated(tmp_path, [None])
    near = tuple(
        dataclasses.replace(r, score={1: 90.0, 2: 45.0}[r.presentation])
        if r.file == "song2-process_17.wav"
        else r
        for r in ratings.scores
    )
    assert screen(Ratings(near), STANDARD) == []
    assert {r.rule for r in screen(Ratings(near), changed(repeat_frac=0.4))} == {"repeats"}


def test_one_slip_is_tolerated_unless_none_is(tmp_path):
    ratings = rated(tmp_path, [None])
    slip = tuple(
        dataclasses.replace(r, score=40.0) if (r.page, r.condition) == ("page0", "reference") else r
        for r in ratings.scores
    )
    assert screen(Ratings(slip), STANDARD) == []
    strict = screen(Ratings(slip), changed(tolerated_frac=0.0))
    assert {r.rule for r in strict} == {"reference_mid_scale"}


def test_thresholds_follow_the_scale_of_the_ratings(tmp_path):
    ratings = rated(tmp_path, [None, "repeats", "anchor_top"])
    small = Ratings(
        tuple(dataclasses.replace(r, score=1 + r.score / 25) for r in ratings.scores),
        ratings.headphones,
    )
    five_points = changed(scale_low=1.0, scale_high=5.0)
    assert [(r.rater, r.rule) for r in screen(small, five_points)] == [
        (r.rater, r.rule) for r in screen(ratings, STANDARD)
    ]


def test_what_a_table_lacks_is_said_and_rejects_nobody():
    plain = Ratings((Rating("a", "x.wav", 3.0), Rating("a", "y.wav", 2.0)))
    assert screen(plain, STANDARD) == []
    assert missing_data(plain) == {
        "headphones": "no reports on headphones",
        "reference_mid_scale": "no hidden reference",
        "anchor_top": "no 3.5 kHz anchor",
        "anchor_above_reference": "no 3.5 kHz anchor",
        "anchor_above_mid_anchor": "no 3.5 kHz anchor",
        "repeats": "no excerpt rated twice",
    }


def test_anchors_without_a_page_are_not_compared_with_those_of_other_songs():
    mixed = Ratings(
        (
            Rating("a", "r.wav", 90.0, condition="reference"),
            Rating("a", "s.wav", 95.0, condition="anchor_3500"),
            Rating("a", "t.wav", 20.0, condition="anchor_7000"),
        )
    )
    assert screen(mixed, STANDARD) == []
    assert missing_data(mixed)["anchor_above_reference"] == "no page or recording"


def test_both_presentations_of_a_song_without_pages_are_judged_by_their_own_reference():
    def song(presentation, reference, anchor, mid):
        return (
            Rating("a", "r.wav", reference, "song", "reference", "song", presentation),
            Rating("a", "s.wav", anchor, "song", "anchor_3500", "song", presentation),
            Rating("a", "t.wav", mid, "song", "anchor_7000", "song", presentation),
        )

    fine = (*song(1, 100.0, 70.0, 80.0), *song(2, 65.0, 20.0, 40.0))
    assert screen(Ratings(fine), STANDARD) == []
    above = Ratings((*song(1, 65.0, 70.0, 80.0), *song(2, 100.0, 20.0, 40.0)))
    assert [(r.rule, r.reason) for r in screen(above, STANDARD)] == [
        (
            "anchor_above_reference",
            "the 3.5 kHz anchor above the hidden reference by more than 0 on 1 of 2 pages",
        )
    ]


def test_thresholds_outside_the_scale_are_refused():
    with pytest.raises(SettingsError, match="repeat_frac=50: expected 0 to 1"):
        ScreeningSettings(repeat_frac=50)
    with pytest.raises(SettingsError, match="scale 100 to 0: expected the low end first"):
        ScreeningSettings(scale_low=100, scale_high=0)
