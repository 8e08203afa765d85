"""Words: they cover the scale, and say what was measured."""

import re

import numpy as np
import pytest

from musqa_pipeline.audio.metrics.ceiling import IDENTITY_MOS, LOSSY_MOS, LOWPASS_MOS
from musqa_pipeline.scoring.words import HIGHEST_MOS, LOWEST_MOS, WORDS, word_of
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
