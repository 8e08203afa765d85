import time

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, cheby1, firwin, oaconvolve, sosfilt

from musqa_pipeline.audio.measures.bandwidth import MAX_FRAMES, BandwidthMeter, upper_edge_hz
from tests import SHARED

RATE_HZ = 48_000
MUSIC = SHARED / "music"


def pink(duration_s=5.0, seed=0):
    n = int(duration_s * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), n)
    beats = np.repeat(np.random.default_rng(seed + 1).uniform(0.05, 1, n // 2_400), 2_400)
    return 0.5 * beats * noise / np.abs(noise).max()


def steep(samples, cutoff_hz):
    taps = firwin(1_023, cutoff_hz, fs=RATE_HZ, window=("kaiser", 12))
    return oaconvolve(samples, taps, "same")


def edge(samples):
    return upper_edge_hz(samples.astype(np.float32), RATE_HZ)


@pytest.mark.parametrize("cutoff_hz", [3_500, 5_000, 7_500, 10_000, 12_000, 16_000, 18_000, 20_000])
def test_a_steep_cut_is_found_within_5_percent(cutoff_hz):
    assert edge(steep(pink(), cutoff_hz)) == pytest.approx(cutoff_hz, rel=0.05)


@pytest.mark.parametrize("cutoff_hz", [7_500, 10_000, 16_000, 20_000])
def test_a_steep_recursive_filter_is_found_within_5_percent(cutoff_hz):
    sections = cheby1(10, 0.1, cutoff_hz, fs=RATE_HZ, output="sos")
    assert edge(sosfilt(sections, pink())) == pytest.approx(cutoff_hz, rel=0.05)


@pytest.mark.parametrize("noise_dbfs", [-100, -90, -80, -70])
@pytest.mark.parametrize("cutoff_hz", [5_000, 11_000, 16_000])
def test_noise_above_does_not_hide_a_cut(cutoff_hz, noise_dbfs):
    hiss = np.random.default_rng(9).standard_normal(5 * RATE_HZ) * 10 ** (noise_dbfs / 20)
    assert edge(steep(pink(), cutoff_hz) + hiss) == pytest.approx(cutoff_hz, rel=0.05)


def test_16_bit_dither_does_not_hide_a_cut_in_a_quiet_track():
    rng = np.random.default_rng(3)
    quiet = 0.01 * steep(pink(), 16_000) * 32_768
    dithered = np.round(
        quiet + rng.uniform(-0.5, 0.5, len(quiet)) + rng.uniform(-0.5, 0.5, len(quiet))
    )
    assert edge(dithered / 32_768) == pytest.approx(16_000, rel=0.05)


def test_a_lone_tone_above_the_cut_is_no_music():
    pilot = 0.001 * np.sin(2 * np.pi * 19_000 * np.arange(5 * RATE_HZ) / RATE_HZ)
    assert edge(steep(pink(), 15_000) + pilot) == pytest.approx(15_000, rel=0.05)


def test_a_cymbal_once_a_second_counts():
    dull = steep(pink(), 8_000)
    crash = np.zeros_like(dull)
    for second in range(5):
        at = second * RATE_HZ
        crash[at : at + 9_600] = 0.1 * np.random.default_rng(second).standard_normal(9_600)
    assert edge(dull + steep(crash, 18_000)) == pytest.approx(18_000, rel=0.05)


def test_full_band_sound_reaches_half_the_rate():
    assert edge(pink()) > 0.99 * RATE_HZ / 2
    assert edge(np.random.default_rng(0).standard_normal(RATE_HZ)) > 0.99 * RATE_HZ / 2


def test_gentle_low_passes_keep_their_order():
    edges = [
        edge(sosfilt(butter(4, cutoff, fs=RATE_HZ, output="sos"), pink()))
        for cutoff in (3_500, 5_000, 7_500, 9_000)
    ]
    assert edges == sorted(set(edges))


def test_level_does_not_matter():
    sound = steep(pink(), 13_000)
    assert edge(sound) == edge(0.05 * sound)


def test_silence_and_a_blink_have_no_edge():
    assert edge(np.zeros(RATE_HZ)) == 0.0
    assert edge(pink()[:1_000]) == 0.0


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 96_000])
def test_the_edge_of_full_band_noise_follows_the_rate(rate_hz):
    noise = np.random.default_rng(0).standard_normal(rate_hz).astype(np.float32)
    assert upper_edge_hz(noise, rate_hz) == pytest.approx(rate_hz / 2, rel=0.02)


def test_blocks_of_any_size_give_the_same_edge_in_bounded_memory():
    sound = steep(pink(), 14_000).astype(np.float32)
    meter = BandwidthMeter(RATE_HZ)
    for start in range(0, len(sound), 7_777):
        meter.update(sound[start : start + 7_777])
    assert meter.upper_edge_hz() == edge(sound)
    for _ in range(40):
        meter.update(sound)
    assert len(meter._kept) <= MAX_FRAMES
    assert meter.upper_edge_hz() == pytest.approx(14_000, rel=0.05)


def test_ten_seconds_take_at_most_40_ms():
    sound = pink(10.0).astype(np.float32)
    started = time.process_time()
    for _ in range(5):
        upper_edge_hz(sound, RATE_HZ)
    assert (time.process_time() - started) / 5 <= 0.040


@pytest.mark.parametrize(
    ("name", "low_hz", "high_hz"),
    [
        ("015_rock_flactest24-a", 10_500, 11_500),  # a cut with steady noise above it
        ("026_acoustic_rodio-music", 15_200, 16_300),  # the same, 20 dB deep
        ("100_drums_drums-clean", 19_500, 20_500),  # MP3
        ("035_drums_break29", 20_000, 22_050),  # a clean master
    ],
)
def test_real_music(name, low_hz, high_hz):
    if not MUSIC.is_dir():
        pytest.skip("needs the open music beside the checkout")
    samples, rate_hz = soundfile.read(MUSIC / f"{name}.flac", dtype="float32", always_2d=True)
    assert low_hz <= upper_edge_hz(samples.mean(axis=1), rate_hz) <= high_hz


@pytest.mark.parametrize("hz", [60.0, 1_000.0, 9_000.0])
def test_a_steady_tone_ends_near_where_it_is(hz):
    time_s = np.arange(10 * 48_000) / 48_000
    for noise in (0.0, 1e-4):
        tone = 0.1 * np.sin(2 * np.pi * hz * time_s)
        tone = tone + noise * np.random.default_rng(0).standard_normal(len(tone))
        edge_hz = upper_edge_hz(tone.astype(np.float32), 48_000)
        assert 0 < edge_hz <= 24_000
        if not noise:
            assert abs(edge_hz - hz) < 700


def test_the_fall_at_a_cut_is_told_from_none():
    for cutoff_hz in (5_000, 15_000):
        meter = BandwidthMeter(RATE_HZ)
        meter.update(steep(pink(), cutoff_hz).astype(np.float32))
        assert meter.fall_db(meter.upper_edge_hz()) > 30.0
        assert abs(meter.fall_db(cutoff_hz / 2)) < 6.0
        assert meter.fall_db(RATE_HZ / 2) == 0.0
    assert BandwidthMeter(RATE_HZ).fall_db(10_000.0) == 0.0
