"""The score of a recording from those of its excerpts."""

import pytest

from musqa_pipeline.scoring.scan.together import together
from musqa_pipeline.scoring.score import Event, Origin, Score, WindowScore


def score(mos, start_s=0.0, **changed):
    known = {
        "mos": mos,
        "mos_low": None if mos is None else mos - 0.4,
        "mos_high": None if mos is None else mos + 0.2,
        "word": "",
        "abstained": "" if mos is not None else "speech",
        "reason": "" if mos is not None else "it sounds like speech",
        "flags": (),
        "duration_s": 10.0,
        "sample_rate_hz": 48_000,
        "channels": 2,
        "bandwidth_hz": 20_000.0,
        "loudness_lufs": -20.0,
        "true_peak_dbtp": -1.0,
        "cause": "",
        "windows": (WindowScore(start_s, start_s + 10, mos, None, None),),
    }
    return Score(**known | changed)


def test_means_extremes_and_the_cause_of_the_worst():
    clipped = Event("clipping", 25.0, 35.0, 0.3, "fraction", "clipping: 9 flat tops")
    edge = Event("band_edge", 5.0, 15.0, 15_000.0, "hz", "nothing above 15.0 kHz")
    whole = together(
        [
            score(4.0, 5, events=(edge,), bandwidth_hz=15_000.0, loudness_lufs=-20.0),
            score(3.4, 25, events=(clipped,), true_peak_dbtp=0.5, loudness_lufs=-30.0),
            score(4.3, 45, flags=("clipped_input",)),
        ],
        60.0,
    )
    assert whole.mos == pytest.approx(3.9)
    assert (whole.mos_low, whole.mos_high) == (pytest.approx(3.5), pytest.approx(4.1))
    assert whole.word == "fair"
    assert (whole.bandwidth_hz, whole.true_peak_dbtp) == (20_000.0, 0.5)
    assert whole.cause == "from 0:25 to 0:35 clipping: 9 flat tops"
    assert whole.sentence.endswith("istortion. From 0:25 to 0:35 clipping: 9 flat tops.")
    assert whole.loudness_lufs == pytest.approx(-21.55, abs=0.01)  # of the mean power
    assert whole.flags == ("clipped_input",)
    assert [w.start_s for w in whole.windows] == [5, 25, 45]
    assert whole.duration_s == 60.0


def test_excerpts_far_apart_are_flagged():
    assert "mixed_windows" in together([score(4.5), score(2.0)], 30.0).flags
    assert "mixed_windows" not in together([score(4.5), score(3.6)], 30.0).flags


def test_most_excerpts_must_have_a_score():
    mixed = together([score(4.0), score(None), score(4.2)], 60.0)
    assert mixed.mos == pytest.approx(4.1)
    assert "partly_scored" in mixed.flags
    speech = together([score(4.0), score(None), score(None)], 60.0)
    assert (speech.mos, speech.mos_low, speech.word, speech.cause) == (None, None, "", "")
    assert (speech.abstained, speech.reason) == ("speech", "it sounds like speech")


def test_what_was_found_in_all_excerpts_is_added_to_the_reason():
    clips = [
        Event("clipping", at, at + 5.0, 0.3, "fraction", "clipping: 9 flat tops") for at in (0, 20)
    ]
    one = "it sounds like speech. Found: clipping, 9 flat tops"
    whole = together(
        [score(None, 0, events=(clips[0],), reason=one), score(None, 20, events=(clips[1],))], 60.0
    )
    assert whole.reason == "it sounds like speech. Found: from 0:00 to 0:05 clipping, 9 flat tops"
    silent = {"abstained": "silence", "reason": "nothing"}
    assert together([score(None, events=(clips[0],), **silent)], 60.0).reason == "nothing"


def test_a_model_without_calibration_gives_no_interval():
    whole = together([score(4.0, mos_low=None, mos_high=None), score(3.0)], 30.0)
    assert (whole.mos_low, whole.mos) == (None, pytest.approx(3.5))


def test_what_all_excerpts_have_is_said_of_the_whole_and_a_known_codec_is_not_guessed():
    hint = "nothing above 16.0 kHz; MP3 at 128 kbit/s leaves such an edge"

    def dull(start_s):
        edge = Event("band_edge", start_s, start_s + 10, 16_000.0, "hz", hint)
        return score(4.0, start_s, events=(edge,))

    whole = together([dull(5), dull(25), dull(45)], 60.0, Origin("possibly lossy"))
    assert whole.cause == hint
    whole = together([dull(5), dull(25)], 60.0, Origin("likely lossy", "AAC"))
    assert (whole.cause, whole.origin.codec) == ("nothing above 16.0 kHz", "AAC")
    assert {event.text for event in whole.events} == {"nothing above 16.0 kHz"}
