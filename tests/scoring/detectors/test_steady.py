"""Hum, noise floor, holes: what is steady or missing, and what only looks like it."""

import numpy as np
import pytest

from musqa_pipeline.scoring.detectors import holes, hum, noise, pre_echo
from musqa_pipeline.scoring.detectors.section import Section
from tests.scoring.detectors.music import RATE_HZ, castanets

TIME_S = np.arange(10 * RATE_HZ) / RATE_HZ
BREATH = 1e-3 * np.random.default_rng(0).standard_normal(len(TIME_S))


def found(detector, samples, rate_hz=RATE_HZ):
    return detector.find(Section(np.asarray(samples, np.float32)[:, None], rate_hz))


def tones(*hz):
    return sum(0.05 * np.sin(2 * np.pi * f * TIME_S + f) for f in hz) + BREATH


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_hum_is_told_with_its_mains_and_harmonics(mains_hz):
    (finding,) = found(hum, tones(mains_hz, 2 * mains_hz, 3 * mains_hz, 330.0))
    assert finding.details == {"mains_hz": float(mains_hz), "harmonics": [1, 2, 3]}
    # Three of four equal tones.
    assert finding.strength == pytest.approx(10 * np.log10(3 / 4), abs=0.5)
    tones_hz = f"{mains_hz}, {2 * mains_hz} and {3 * mains_hz} Hz"
    assert tones_hz in hum.HUM.say(finding)


def test_held_notes_are_no_hum():
    notes_hz = [440 * 2 ** (n / 12) for n in (-38, -33, -26, -21, -14)]  # 49, 65, 98, 131, 196 Hz
    assert found(hum, tones(*notes_hz)) == []
    assert found(hum, tones(50.0, 330.0)) == []
    assert found(hum, tones(100.0 * 1.004, 150.0 * 1.004)) == []


def test_a_tone_that_comes_and_goes_is_no_hum():
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 0.11 * TIME_S)
    assert found(hum, tones(100, 150) * swell**4 + BREATH) == []


@pytest.mark.parametrize("rate_hz", [8_000, 48_000])
@pytest.mark.parametrize("snr_db", [15, 35])
def test_the_level_of_the_noise_is_measured(snr_db, rate_hz):
    rng = np.random.default_rng(1)
    time_s = np.arange(8 * rate_hz) / rate_hz
    notes = np.sin(2 * np.pi * 440 * time_s) * np.exp(-4 * (time_s % 0.8))
    hiss = rng.standard_normal(len(notes))
    hiss *= np.std(notes) / np.std(hiss) * 10 ** (-snr_db / 20)
    (finding,) = found(noise, 0.2 * (notes + hiss), rate_hz)
    # The octaves below 1 kHz and above 16 kHz are not counted.
    assert finding.strength == pytest.approx(snr_db, abs=3.0)
    assert found(noise, 0.2 * (notes + 0.003 * hiss), rate_hz) == []


def test_noise_that_swells_is_music():
    swell = (0.02 + np.abs(np.sin(2 * np.pi * 0.3 * TIME_S))) * 30
    assert found(noise, BREATH * swell) == []


def test_holes_in_noise_are_counted():
    rng = np.random.default_rng(2)
    whole = 20 * BREATH
    assert found(holes, whole) == []
    spectrum = np.fft.rfft(whole)
    hz = np.fft.rfftfreq(len(whole), 1 / RATE_HZ)
    out = whole.copy()
    for low_hz in range(2_500, 14_000, 1_000):  # bands of 400 Hz, away for 70 ms at a time
        band = np.fft.irfft(np.where((hz >= low_hz) & (hz < low_hz + 400), spectrum, 0), len(whole))
        for at in rng.integers(0, len(out) - 9_600, 10):
            gate = np.zeros(3_400)
            gate[200:-200] = 1.0
            gate = np.convolve(gate, np.hanning(400) / np.hanning(400).sum(), "same")
            out[at : at + 3_400] -= gate * band[at : at + 3_400]
    (finding,) = found(holes, out)
    assert 0.004 < finding.strength < 0.1


def test_short_sounds_hold_no_answer():
    short = castanets(0, 0.5)
    for detector in (hum, noise, holes):
        assert found(detector, short) == []
    assert found(pre_echo, short[:1_000]) == []
