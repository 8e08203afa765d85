import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from musqa_pipeline.catalogs.demo_music import oscillators as osc


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(1, 3_000),
    frequency_hz=st.floats(20, 20_000),
    decay_s=st.floats(0.002, 5.0),
)
def test_a_damped_mode_is_the_sine_times_the_exponential_that_its_docstring_promises(
    n, frequency_hz, decay_s
):
    t = np.arange(n) / 48_000
    wanted = 0.7 * np.sin(2 * np.pi * frequency_hz * t) * np.exp(-t / decay_s)
    # Below -30 neper a mode is cut to zero, which is 1e-13 of its beginning.
    np.testing.assert_allclose(
        osc.damped_modes(n, frequency_hz, 0.7, decay_s), wanted, rtol=0, atol=1e-10
    )


def test_modes_above_hearing_are_left_out_and_the_others_add_up():
    both = osc.damped_modes(500, [440.0, 23_000.0, 881.0], [1.0, 9.0, 0.5], 0.1)
    one, other = (osc.damped_modes(500, f, a, 0.1) for f, a in ((440.0, 1.0), (881.0, 0.5)))
    np.testing.assert_allclose(both, one + other, atol=1e-12)


def test_a_harmonic_tone_equals_the_sum_of_its_sines_even_while_its_pitch_moves():
    n = 4_000
    angle = osc.phase(np.linspace(300, 350, n), n, start=0.3)
    amplitudes = 1 / np.arange(1, 13)
    wanted = sum(a * np.sin(k * angle) for k, a in enumerate(amplitudes, start=1))
    np.testing.assert_allclose(osc.harmonic_tone(angle, amplitudes), wanted, atol=1e-9)


def test_harmonics_that_would_alias_are_not_sounded():
    n = 48_000
    tone = osc.harmonic_tone(osc.phase(5_000.0, n), np.ones(20))
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(n)))
    peaks = np.flatnonzero(spectrum > 0.1 * spectrum.max())
    assert set(np.round(peaks / 5_000).astype(int)) == {1, 2, 3, 4}
    assert np.all(np.abs(peaks % 5_000 - 2_500) > 2_490)


def test_phase_advances_by_one_turn_per_period_and_starts_where_it_is_told():
    angle = osc.phase(480.0, 101, start=1.25)
    assert angle[0] == 1.25
    assert angle[100] - angle[0] == pytest.approx(2 * np.pi, rel=1e-12)


def test_a_sawtooth_has_harmonics_that_fall_by_their_number_and_little_alias():
    n, f0 = 48_000, 1_037.0
    spectrum = np.abs(np.fft.rfft(osc.sawtooth(osc.phase(f0, n)) * np.hanning(n)))
    level = [spectrum[round(k * f0) - 2 : round(k * f0) + 3].max() for k in range(1, 9)]
    np.testing.assert_allclose(np.array(level) * np.arange(1, 9) / level[0], 1, atol=0.15)
    harmonics = np.zeros(spectrum.size, bool)
    for k in range(24):
        harmonics[max(0, round(k * f0) - 4) : round(k * f0) + 5] = True
    assert spectrum[:10_000][~harmonics[:10_000]].max() < 0.01 * level[0]


@pytest.mark.parametrize("slope_db", [-6.0, -3.0, 0.0, 1.0])
def test_coloured_noise_has_unit_level_and_the_slope_that_was_asked_for(slope_db):
    noise = osc.coloured_noise(np.random.default_rng(3), 200_000, slope_db)
    f, p = welch(noise, 48_000, nperseg=2_048)
    use = (f > 200) & (f < 15_000)
    slope = np.polyfit(np.log2(f[use]), 10 * np.log10(p[use]), 1)[0]
    assert slope == pytest.approx(slope_db, abs=0.2)
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=0.02)


def test_vibrato_stays_around_its_pitch():
    cents = 1200 * np.log2(osc.vibrato(np.random.default_rng(0), 440.0, 96_000, cents=20) / 440.0)
    assert np.abs(cents).max() < 20 + 15
    assert abs(cents[24_000:].mean()) < 5
    assert np.ptp(cents[24_000:]) > 25
