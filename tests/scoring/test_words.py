"""Words: they cover the scale, and say what was measured."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.audio.metrics.ceiling import IDENTITY_MOS, LOSSY_MOS, LOWPASS_MOS
from musqa_pipeline.scoring.words import (
    HIGHEST_MOS,
    LOWEST_MOS,
    WORDS,
    degree_of,
    span_of,
    word_of,
    words_of,
)
from tests import ROOT

PAGE = ROOT / "docs" / "scoring.md"


def test_words_fall_from_the_top_of_the_scale_to_its_end():
    borders = [word.from_mos for word in WORDS]
    assert borders == sorted(borders, reverse=True)
    assert borders[-1] == LOWEST_MOS
    assert borders[0] < HIGHEST_MOS == IDENTITY_MOS
    assert len({word.name for word in WORDS}) == 5


@pytest.mark.parametrize(
    ("mos", "name"),
    [(4.73, "transparent"), (4.5, "transparent"), (4.4999, "good"), (3.1, "fair"), (3.0, "poor"),
     (2.2999, "bad"), (1.0, "bad"), (0.5, "bad")],
)  # fmt: skip
def test_a_word_stands_from_its_border_on(mos, name):
    assert word_of(mos).name == name


@pytest.mark.parametrize(
    ("cut_hz", "name"),
    [(20_000, "transparent"), (18_000, "transparent"), (15_000, "good"), (12_000, "fair"),
     (10_000, "fair"), (7_500, "poor"), (5_000, "bad"), (3_500, "bad")],
)  # fmt: skip
def test_low_passes_get_the_words_that_their_meaning_names(cut_hz, name):
    assert word_of(LOWPASS_MOS[cut_hz]).name == name


def test_the_figures_in_the_texts_are_those_measured():
    for word in WORDS:
        for cut_khz, mos in re.findall(r"cut at ([\d.]+) kHz scores ([\d.]+)", word.measured):
            measured = np.interp(
                1000 * float(cut_khz), list(LOWPASS_MOS), list(LOWPASS_MOS.values())
            )
            assert float(mos) == pytest.approx(measured, abs=0.05)
        for kbps, mos in re.findall(r"MP3 at (\d+) kbit/s (?:scores )?([\d.]+)", word.measured):
            assert float(mos) == LOSSY_MOS[int(kbps)]


def test_the_page_has_the_table_of_the_module():
    rows = re.findall(
        r"^\| \*\*(\w+)\*\* \| ([\d.]+) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.M
    )
    assert rows == [(w.name, f"{w.from_mos:g}", w.meaning, w.measured) for w in WORDS]


@pytest.mark.parametrize(
    ("mos", "low", "high", "words", "degree"),
    [
        (4.66, 3.85, 4.73, "good or better", "at most slight"),
        (4.72, 4.6, 4.73, "transparent", "hardly any"),
        (4.4, 2.54, 4.73, "fair or better", "at most clear"),
        (3.36, 1.89, 4.29, "poor or fair", "clear to strong"),
        (3.57, 2.82, 3.91, "fair", "clear"),
        (3.0, 1.2, 4.5, "fair or worse", "at least clear"),
        (3.3, 1.9, 4.71, "poor to good", "slight to strong"),
        (1.99, 1.44, 3.32, "poor or worse", "at least strong"),
        (1.2, 1.0, 1.5, "bad", "very strong"),
        (4.2, None, None, "good", "slight"),
    ],
)
def test_what_is_said_follows_the_interval(mos, low, high, words, degree):
    assert words_of(mos, low, high) == words
    assert degree_of(mos, low, high) == degree


@given(st.floats(1.0, 4.73), st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_the_words_hold_the_score_and_lie_in_the_interval(mos, below, above):
    low, high = max(1.0, mos - below), min(4.73, mos + above)
    worst, best = span_of(mos, low, high)
    assert worst.from_mos <= word_of(mos).from_mos <= best.from_mos
    assert worst.from_mos >= word_of(low).from_mos
    assert best.from_mos <= word_of(high).from_mos
