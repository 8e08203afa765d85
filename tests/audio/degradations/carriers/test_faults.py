"""Each fault against what its numbers say: levels, rates, pitches, curves and harmonics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import freqz, hilbert
from scipy.stats import kstest

from musqa_pipeline.audio.degradations.carriers.chains import CARRIERS, FAULTS
from musqa_pipeline.audio.degradations.carriers.crackle import Crackle, CrackleParams
from musqa_pipeline.audio.degradations.carriers.dropout import DURATION_S, Dropout, DropoutParams
from musqa_pipeline.audio.degradations.carriers.fault import TURN_S, Medium, rms
from musqa_pipeline.audio.degradations.carriers.hiss import HissParams
from musqa_pipeline.audio.degradations.carriers.hum import HumParams
from musqa_pipeline.audio.degradations.carriers.overload import OverloadParams
from musqa_pipeline.audio.degradations.carriers.replay_curve import (
    CURVES,
    NAMES,
    ReplayCurveParams,
    replay_response,
)
from musqa_pipeline.audio.degradations.carriers.rumble import RumbleParams
from musqa_pipeline.audio.degradations.carriers.scratch import Scratch, ScratchParams
from musqa_pipeline.audio.degradations.carriers.speed import (
    FlutterParams,
    SpeedParams,
    WowParams,
    warped,
)

RATE = 48_000
N = 10 * RATE
LP = Medium("lp", 1.8)


def tone(frequency_hz, n=N):
    return np.sin(2 * np.pi * frequency_hz * np.arange(n) / RATE)


def db(ratio):
    return 20 * np.log10(ratio)


@pytest.fixture(scope="module")
def music():
    """Tones that swell, over noise that falls with frequency."""
    rng = np.random.default_rng(2)
    spectrum = np.fft.rfft(rng.standard_normal(N))
    hz = np.fft.rfftfreq(N, 1 / RATE)
    noise = np.fft.irfft(spectrum / np.maximum(hz, 100), N)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * np.arange(N) / RATE / 3)
    x = swell * (tone(220) + tone(331) + tone(1_000)) / 3 + 0.3 * noise / noise.std()
    return 0.5 * x / np.abs(x).max()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_data_and_does_the_same_again(name, music):
    fault, rng = FAULTS[name], np.random.default_rng(4)
    params = fault.with_intensity(70.0, rng, LP)
    assert isinstance(params, fault.params)
    assert params == fault.with_intensity(70.0, np.random.default_rng(4), LP)
    assert params != fault.with_intensity(70.0, np.random.default_rng(5), LP) or name in (
        "speed",
        "band",
    )
    before = music.copy()
    first, second = fault.apply(music, params), fault.apply(music, params)
    assert first.shape == music.shape
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)
    assert np.array_equal(music, before)
    assert rms(first - music) > 1e-3 * rms(music)
    silence = np.zeros(RATE)
    assert not fault.apply(silence, params).any()


@pytest.mark.parametrize("name", FAULTS)
def test_more_intensity_is_more_damage(name, music):
    fault, damage = FAULTS[name], []
    for intensity in (0.0, 50.0, 100.0):
        params = fault.with_intensity(intensity, np.random.default_rng(1), LP)
        damage.append(rms(fault.apply(music, params) - music))
    assert damage[0] < damage[1] < damage[2] or name in ("wow", "flutter", "speed")


@pytest.mark.parametrize("slope_db", [-3.0, 0.0, 3.0])
def test_hiss_has_its_snr_and_slope(slope_db, music):
    for intensity, snr_db in ((0.0, 60.0), (50.0, 35.0), (100.0, 10.0)):
        noise = FAULTS["hiss"].apply(music, HissParams(intensity, slope_db, 3)) - music
        assert db(rms(music) / rms(noise)) == pytest.approx(snr_db, abs=0.1)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(N, 1 / RATE)
    octaves = [power[(hz >= low) & (hz < 2 * low)].mean() for low in 100.0 * 2.0 ** np.arange(7)]
    np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), slope_db, atol=0.6)


def test_hum_and_rumble_have_their_levels_and_bands(music):
    for intensity, hum_db, rumble_db in ((0.0, -50, -30), (60.0, -20, -6), (100.0, 0, 10)):
        for mains_hz in (50.0, 60.0):
            hum = FAULTS["hum"].apply(music, HumParams(intensity, mains_hz, 1)) - music
            assert db(rms(hum) / rms(music)) == pytest.approx(hum_db, abs=0.1)
            lines = np.abs(np.fft.rfft(hum)) ** 2
            partials = lines[(np.arange(1, 9) * mains_hz * N / RATE).astype(int)]
            assert partials.sum() == pytest.approx(lines.sum(), rel=1e-6)
        rumble = FAULTS["rumble"].apply(music, RumbleParams(intensity, 1)) - music
        assert db(rms(rumble) / rms(music)) == pytest.approx(rumble_db, abs=0.1)
    hz, power = np.fft.rfftfreq(N, 1 / RATE), np.abs(np.fft.rfft(rumble)) ** 2
    assert power[(hz >= 8) & (hz <= 60)].sum() / power.sum() > 0.999


def test_clicks_come_as_a_poisson_process_with_log_normal_heights():
    crackle, params = Crackle(), CrackleParams(100.0, 6.0, 5)
    onsets_s = crackle.onsets_s(30.0, params)
    assert len(onsets_s) == pytest.approx(9_000, rel=0.05)
    assert kstest(np.diff(onsets_s) * 300, "expon").pvalue > 0.01
    assert np.all((onsets_s >= 0) & (onsets_s < 30))
    for intensity, rate in ((0.0, 0.3), (50.0, 9.4868), (100.0, 300.0)):
        assert crackle.clicks_per_s(intensity) == pytest.approx(rate, rel=1e-4)
    # So few that none runs into another: the sample of its onset is a click's height.
    music = np.full(60 * RATE, 1e-3)
    few = CrackleParams(35.0, 6.0, 5)
    onsets = np.rint(crackle.onsets_s(60.0, few) * RATE).astype(int)
    alone = np.diff(onsets, append=60 * RATE) > 2_000
    alone &= np.diff(onsets, prepend=-RATE) > 2_000
    height = crackle.apply(music, few)[onsets[alone]] - 1e-3
    level_db = db(np.abs(height) / 1e-3)
    assert level_db.mean() == pytest.approx(6, abs=1.2)
    assert level_db.std() == pytest.approx(6, abs=1.2)
    assert 0.3 < (height > 0).mean() < 0.7


@pytest.mark.parametrize(
    ("turn_s", "period"), [(1.8, 86_400), (60 / 45, 64_000), (60 / 78.26, 36_800.4)]
)
def test_a_scratch_comes_back_with_every_turn(turn_s, period, music):
    params = ScratchParams(100.0, turn_s, 0.25, 0.1, 60.0, -12.0)
    onsets = Scratch.onsets(N, params)
    expected = (0.25 + np.arange(len(onsets))) * period
    np.testing.assert_allclose(onsets, expected, atol=0.6)
    assert N - onsets[-1] <= period + 1
    added = FAULTS["scratch"].apply(music, params) - music
    assert db(added[onsets] / rms(music)) == pytest.approx(18, abs=0.1)
    between_turns = added[onsets[0] + 30_000 : onsets[1]]
    assert not between_turns.any()
    thump = added[onsets[0] + 240 : onsets[0] + 19_200]
    spectrum = np.abs(np.fft.rfft(thump, RATE))
    assert np.argmax(spectrum) == pytest.approx(60, abs=6)


def pitch_percent(x, frequency_hz=3_150):
    """Demodulate a tone: by how much its frequency deviates, without the ends."""
    phase = np.unwrap(np.angle(hilbert(x)))
    course = np.convolve(np.diff(phase) * RATE / (2 * np.pi), np.ones(48) / 48, "same")
    return 100 * (course[2_400:-2_400] / frequency_hz - 1)


def test_a_tone_wows_and_flutters_as_much_as_it_says():
    x = tone(3_150)
    for intensity in (0.0, 50.0, 100.0):
        for turn_s, share in ((1.8, 0.0), (0.375, 0.3)):
            wow = FAULTS["wow"].apply(x, WowParams(intensity, turn_s, share, 0.2))
            found, wanted = pitch_percent(wow), FAULTS["wow"].peak_percent(intensity)
            assert np.abs(found).max() == pytest.approx(wanted, rel=0.02)
            course = np.abs(np.fft.rfft(found))
            line = round(len(found) / (RATE * turn_s))
            assert abs(int(np.argmax(course)) - line) <= 1
        flutter = FAULTS["flutter"].apply(x, FlutterParams(intensity, 8.0, 0.1))
        wanted = FAULTS["flutter"].peak_percent(intensity)
        assert np.abs(pitch_percent(flutter)).max() == pytest.approx(wanted, rel=0.02)
        for sign in (-1, 1):
            wrong = FAULTS["speed"].apply(x, SpeedParams(intensity, sign))[: 9 * RATE]
            wanted = sign * FAULTS["speed"].percent(intensity)
            assert np.median(pitch_percent(wrong)) == pytest.approx(wanted, rel=0.02)
    assert [FAULTS["wow"].peak_percent(i) for i in (0, 100)] == pytest.approx([0.03, 3])
    assert [FAULTS["flutter"].peak_percent(i) for i in (0, 100)] == pytest.approx([0.01, 1])
    assert [FAULTS["speed"].percent(i) for i in (0, 100)] == pytest.approx([0.1, 6])


def test_music_is_read_between_its_samples_and_mirrored_beyond():
    place = np.arange(2_000, 46_000) + 0.37
    for frequency_hz in (1_000, 10_000, 18_000, 21_600):
        found = warped(tone(frequency_hz, RATE), place)
        expected = np.sin(2 * np.pi * frequency_hz * place / RATE)
        assert db(np.abs(found - expected).max()) < -85
    x = np.arange(100.0)
    np.testing.assert_allclose(warped(x, np.array([0.0, 50, 99, 120])), [0, 50, 99, 78], atol=1e-3)
    # Played faster, what would fold back is gone.
    faster = warped(tone(23_500, RATE), 1.06 * np.arange(40_000.0), bandwidth=1 / 1.06)
    folded = warped(tone(23_500, RATE), 1.06 * np.arange(40_000.0))
    assert rms(faster[1_000:-1_000]) < 0.15 * rms(folded[1_000:-1_000])


@pytest.mark.parametrize("intensity", [0.0, 40.0, 100.0])
def test_a_band_ends_where_it_is_3_db_down(intensity):
    impulse = np.zeros(1 << 17)
    impulse[0] = 1.0
    fault = FAULTS["band"]
    params = fault.params(intensity, 3, 5)
    _, response = freqz(fault.apply(impulse, params), worN=1 << 17, fs=RATE)
    level_db = db(np.abs(response))
    hz = np.arange(1 << 17) * RATE / 2 / (1 << 17)
    low_hz, high_hz = fault.ends_hz(intensity)
    for edge_hz, below_hz in ((low_hz, low_hz / 2), (high_hz, 1.25 * high_hz)):
        assert np.interp(edge_hz, hz, level_db) == pytest.approx(-3.01, abs=0.1)
        assert np.interp(below_hz, hz, level_db) < -8
    assert fault.ends_hz(0.0) == pytest.approx((20, 16_000))
    assert fault.ends_hz(100.0) == pytest.approx((250, 3_000))


def test_curves_are_the_published_ones():
    hz = np.array([20.0, 100, 1_000, 10_000, 20_000])
    riaa = db(np.abs(replay_response("riaa", hz)))
    np.testing.assert_allclose(riaa, [19.274, 13.088, 0, -13.734, -19.620], atol=0.001)
    for name, (bass_hz, turnover_hz, treble_db) in CURVES.items():
        level = db(np.abs(replay_response(name, np.array([10_000.0, 1_000]))))
        np.testing.assert_allclose(level, [treble_db, 0], atol=1e-6)
        # Where a curve has turned over it rises by 6 dB an octave, unless it rolls off.
        low = db(np.abs(replay_response(name, np.array([10.0, 20.0]))))
        assert low[0] - low[1] == pytest.approx(6 if bass_hz is None else 1, abs=1.2)
        far = db(np.abs(replay_response(name, np.array([turnover_hz, 1e-3]))))
        assert far[1] > far[0] + (8 if bass_hz else 40)
    assert len(NAMES) == 9


@pytest.mark.parametrize("cut_by", NAMES)
def test_a_wrong_curve_is_a_share_of_the_difference(cut_by):
    impulse = np.zeros(1 << 16)
    impulse[1 << 14] = (
        1.0  # at the start it would lose what a filter at half the rate has before it
    )
    hz = np.array([100.0, 1_000, 5_000, 10_000])
    for replayed_by in NAMES:
        if replayed_by == cut_by:
            continue
        wanted = db(np.abs(replay_response(replayed_by, hz) / replay_response(cut_by, hz)))
        for intensity in (50.0, 100.0):
            params = ReplayCurveParams(intensity, cut_by, replayed_by)
            response = np.fft.rfft(FAULTS["replay_curve"].apply(impulse, params))
            found = np.interp(hz, np.fft.rfftfreq(1 << 16, 1 / RATE), db(np.abs(response)))
            np.testing.assert_allclose(found, intensity / 100 * wanted, atol=0.15)


def harmonics(x, frequency_hz=1_000):
    spectrum = np.abs(np.fft.rfft(x))
    return spectrum[np.arange(1, 6) * frequency_hz * N // RATE] / spectrum[frequency_hz * N // RATE]


def test_overload_begins_at_three_per_cent_of_third_harmonic():
    x = 0.3 * tone(1_000)
    tape = harmonics(FAULTS["overload"].apply(x, OverloadParams(0.0, 0.0)))
    assert tape[2] == pytest.approx(0.03, abs=1e-4)
    assert max(tape[1], tape[3]) < 1e-6
    turns = np.linspace(0, 2 * np.pi, 4_096, endpoint=False)
    for intensity, bias in ((40.0, 0.0), (40.0, 0.4), (100.0, 0.2)):
        found = harmonics(FAULTS["overload"].apply(x, OverloadParams(intensity, bias)))
        amplitude = 0.6288 * 10 ** (0.3 * intensity / 20)
        lines = np.abs(np.fft.rfft(np.tanh(amplitude * np.sin(turns) + bias)))[1:6]
        np.testing.assert_allclose(found, lines / lines[0], atol=2e-3)
    quiet = 0.001 * tone(1_000)
    quiet[0] = 0.5  # the peak that levels are relative to
    for bias in (0.0, 0.5):
        params = OverloadParams(20.0, bias)
        found = FAULTS["overload"].apply(quiet, params)[RATE:-RATE]
        np.testing.assert_allclose(found, quiet[RATE:-RATE], atol=2e-5)


def test_dropouts_come_by_chance_and_are_quiet_and_dull():
    dropout, params = Dropout(), DropoutParams(100.0, -12.0, 5)
    onsets_s, durations_s = dropout.dips_s(300.0, params)
    assert len(onsets_s) == pytest.approx(3_000, rel=0.08)
    assert kstest(np.diff(onsets_s) * 10, "expon").pvalue > 0.01
    assert np.all((durations_s >= DURATION_S[0]) & (durations_s <= DURATION_S[1]))
    x = tone(200) + tone(8_000)
    few = DropoutParams(50.0, -12.0, 5)
    damaged = dropout.apply(x, few)
    onsets_s, durations_s = dropout.dips_s(10.0, few)
    time_s = np.arange(N) / RATE
    begun = (time_s >= onsets_s[:, None]) & (time_s <= (onsets_s + durations_s)[:, None])
    outside = ~begun.any(axis=0)
    np.testing.assert_allclose(damaged[outside], x[outside])
    longest = int(np.argmax(durations_s))
    middle = onsets_s[longest] + durations_s[longest] / 2
    part = np.abs(time_s - middle) < durations_s[longest] / 2 - 0.003
    assert rms(damaged[part]) < 0.3 * rms(x[part])
    lines = np.abs(np.fft.rfft(damaged[part] * np.hanning(part.sum()), RATE))
    assert db(lines[8_000] / lines[200]) < -20


def test_turns_are_those_of_the_carriers():
    assert TURN_S.keys() == CARRIERS.keys()
    assert TURN_S["lp"] == (1.8, pytest.approx(1.3333, abs=1e-4))
    assert TURN_S["shellac"][0] == pytest.approx(0.767, abs=5e-4)
    assert 1 / TURN_S["cylinder"][0] == pytest.approx(2.667, abs=1e-3)
