"""Two answers: found in two humps alone, the same for a recording and its parts, told in words."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import signal

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.bands import band_image
from musqa_pipeline.scoring.alternatives import (
    DAMAGE,
    LEAST_PROBABILITY,
    TREBLE,
    alternatives,
    in_common,
    told_of_both,
)
from musqa_pipeline.scoring.causes import sentence_of
from musqa_pipeline.scoring.score import Alternative, Event
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.verdict import judge

STEPS = np.linspace(0, 0.95, 40)
NOISE = np.random.default_rng(0).standard_normal(EXCERPT_SAMPLES) * 0.1
DULL = signal.sosfilt(signal.butter(8, 3_000, fs=SAMPLE_RATE_HZ, output="sos"), NOISE)
BRIGHT, DARK = band_image(NOISE), band_image(DULL)
BOTH = (Alternative(2.0, 0.6, TREBLE), Alternative(4.6, 0.4))


def humps(*masses_and_places, width=0.06):
    p = sum(
        mass * bell / bell.sum()
        for mass, place in masses_and_places
        for bell in [np.exp(-0.5 * ((STEPS - place) / width) ** 2)]
    )
    return p / p.sum()


def test_two_humps_are_two_answers_with_their_share():
    worse, better = alternatives(humps((0.7, 0.25), (0.3, 0.85)), STEPS, DARK)
    assert (worse.mos, better.mos) == pytest.approx((2.0, 4.4), abs=0.03)
    assert (worse.probability, better.probability) == pytest.approx((0.7, 0.3), abs=0.01)
    assert (worse.cause, better.cause) == (TREBLE, "")
    bright, _ = alternatives(humps((0.7, 0.25), (0.3, 0.85)), STEPS, BRIGHT)
    assert bright.cause == DAMAGE


@pytest.mark.parametrize(
    "one",
    [
        humps((1.0, 0.9)),
        humps((1.0, 0.5), width=0.2),
        humps((0.5, 0.5), (0.5, 0.65)),
        humps((1 - LEAST_PROBABILITY / 2, 0.2), (LEAST_PROBABILITY / 2, 0.8)),
        np.full(40, 1 / 40),
        np.eye(40)[0],
    ],
    ids=["narrow", "wide", "close", "tail", "flat", "edge"],
)
def test_one_hump_is_one_answer(one):
    assert alternatives(one, STEPS, DARK) == ()


def test_roughness_makes_no_humps():
    rng = np.random.default_rng(1)
    for _ in range(200):
        rough = humps((1.0, rng.uniform(0.3, 0.7)), width=0.15) * rng.uniform(0.5, 1.5, 40)
        assert alternatives(rough / rough.sum(), STEPS, DARK) == ()


def test_the_mean_of_both_is_the_mean_of_the_distribution():
    p = humps((0.4, 0.2), (0.6, 0.7))
    mean = sum(a.probability * a.mos for a in alternatives(p, STEPS, DARK))
    assert mean == pytest.approx(1 + 4 * np.sum(p * STEPS))


def test_a_recording_has_two_answers_where_half_of_it_has():
    assert in_common([BOTH, ()], [1.0, 1.0]) == BOTH
    assert in_common([BOTH, ()], [0.9, 1.0]) == ()
    assert in_common([(), ()], [1.0, 1.0]) == in_common([], []) == ()
    other = (Alternative(3.0, 0.3, DAMAGE), Alternative(4.0, 0.7))
    worse, better = in_common([BOTH, other], [3.0, 1.0])
    assert (worse.mos, better.mos) == pytest.approx((2.25, 4.45))
    assert (worse.probability, better.probability) == pytest.approx((0.525, 0.475))
    assert worse.cause == TREBLE
    assert in_common([BOTH, other], [1.0, 3.0])[0].cause == DAMAGE


def test_both_are_told_where_no_cause_decides():
    assert told_of_both(BOTH) == (
        "Two answers fit: 4.6 if it was made like this, 2.0 (60% likely) if something took its "
        "treble, as a cut at 3.5 kHz does."
    )
    damaged = (Alternative(2.0, 0.6, DAMAGE), BOTH[1])
    assert told_of_both(damaged).endswith("2.0 (60% likely) if something damaged it since.")
    plain = sentence_of([], 3.0, None, None, 10.0, detected=True, alternatives=BOTH)
    assert plain.endswith(told_of_both(BOTH))
    edge = Event("band_edge", 0.0, 10.0, 4_000.0, "hz", "nothing above 4.0 kHz", {})
    caused = sentence_of([edge], 3.0, None, None, 10.0, detected=True, alternatives=BOTH)
    assert "Two answers" not in caused


class _Open:
    """A model for which the question is open, whatever it is asked."""

    step_quality = STEPS
    calibration = None
    label = "open"

    def answer(self, image):
        return SimpleNamespace(probability=humps((0.6, 0.25), (0.4, 0.9)), distance=0.5)


def test_a_verdict_and_a_score_have_both(monkeypatch):
    samples = DULL.astype(np.float32)
    assert [a.cause for a in judge(_Open(), samples, SAMPLE_RATE_HZ).alternatives] == [TREBLE, ""]
    scorer = Scorer()
    monkeypatch.setattr(scorer, "model", _Open())
    score = scorer.score(np.tile(samples, 3), SAMPLE_RATE_HZ)
    worse, better = score.alternatives
    assert score.mos == pytest.approx(0.6 * worse.mos + 0.4 * better.mos, abs=0.01)
    assert worse.cause == TREBLE
