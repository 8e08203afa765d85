"""The score of a recording from those of its excerpts."""

import pytest

from musqa_pipeline.scoring.scan.together import together
from musqa_pipeline.scoring.score import Score, WindowScore


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
    whole = together(
        [
            score(4.0, 5, cause="hum", bandwidth_hz=15_000.0, loudness_lufs=-20.0),
            score(3.4, 25, cause="clipping", true_peak_dbtp=0.5, loudness_lufs=-30.0),
            score(4.3, 45, flags=("clipped_input",)),
        ],
        60.0,
    )
    assert whole.mos == pytest.approx(3.9)
    assert (whole.mos_low, whole.mos_high) == (pytest.approx(3.5), pytest.approx(4.1))
    assert whole.word == "fair"
    assert (whole.bandwidth_hz, whole.true_peak_dbtp, whole.cause) == (20_000.0, 0.5, "clipping")
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


def test_a_model_without_calibration_gives_no_interval():
    whole = together([score(4.0, mos_low=None, mos_high=None), score(3.0)], 30.0)
    assert (whole.mos_low, whole.mos) == (None, pytest.approx(3.5))
