"""Lossless files that a lossy encoder has cut are told from music that ends by itself."""

import numpy as np
import pytest

from musqa_pipeline.scoring.origin.spectrum import Spectrum, analyse
from musqa_pipeline.scoring.origin.verdict import origin_of
from tests.audio.music import music
from tests.scoring.scan.library import RATE_HZ, cut_at, song


def excerpts(seed):
    return [song(seed, 12)[: 10 * RATE_HZ].mean(axis=1)]


@pytest.mark.parametrize("seed", range(3))
def test_music_as_it_is_has_no_cliff(seed):
    found = analyse(excerpts(seed), RATE_HZ)
    assert found.cliff_db < 13
    assert origin_of(found, []).verdict == "genuine"


def test_the_cliff_is_where_the_cut_is():
    for cutoff_hz in (11_000, 15_000, 18_000, 20_000):
        x = cut_at(song(1, 12), cutoff_hz).mean(axis=1)
        assert analyse([x], RATE_HZ).cliff_hz == pytest.approx(cutoff_hz, abs=400)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000, 96_000])
def test_any_rate_and_silence_can_be_analysed(rate_hz):
    silent = np.zeros(rate_hz, np.float32)
    assert origin_of(analyse([silent], rate_hz), []).verdict == "genuine"
    assert analyse([silent[:10]], rate_hz) == Spectrum(0.0, 0.0, 0.0)
    x = music()[:rate_hz]
    found = analyse([x], rate_hz)
    assert (found.cliff_hz == 0) == (rate_hz < 22_050)
