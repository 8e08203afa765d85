"""What the demo's tracks have in common with recordings, and what sets them apart."""

from itertools import combinations, pairwise

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import correlate, welch

from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.catalogs.demo_music.composition import compose
from musqa_pipeline.catalogs.demo_music.filters import high_pass
from musqa_pipeline.catalogs.demo_music.styles import STYLES
from musqa_pipeline.core.seeds import derive_generator

EACH_STYLE = pytest.mark.parametrize("index", range(len(STYLES)), ids=[s.name for s in STYLES])
OCTAVES_HZ = 40 * 2.0 ** np.arange(0, 9.25, 0.25)


def frame_levels_db(mono, frame=4_800):
    frames = mono[: mono.size // frame * frame].reshape(-1, frame)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)


def fingerprint(stereo):
    """Level in quarter octaves, and how each of four bands moves in time, in dB."""
    mono = stereo.mean(axis=0)
    f, p = welch(mono, 48_000, nperseg=8_192)
    edges = pairwise(OCTAVES_HZ)
    level = 10 * np.log10([p[(f >= a) & (f < b)].mean() if b > 60 else 1e-12 for a, b in edges])
    return level - level.max()


@EACH_STYLE
def test_a_track_reaches_up_to_20_khz(tracks, index):
    assert upper_edge_hz(tracks[index].mean(axis=0).astype(np.float32), 48_000) > 19_000


@EACH_STYLE
def test_a_track_is_stereo_and_its_mono_mix_keeps_the_music(tracks, index):
    left, right = tracks[index]
    assert -0.2 < np.corrcoef(left, right)[0, 1] < 0.99


@EACH_STYLE
def test_peaks_stay_below_minus_1_dbfs_and_loudness_is_that_of_records(tracks, index):
    assert np.abs(tracks[index]).max() <= 10 ** (-1 / 20) + 2**-22
    loudness = pyloudnorm.Meter(48_000).integrated_loudness(tracks[index].T)
    low, high = STYLES[index].loudness_lufs
    assert low - 4 < loudness < high + 1


@EACH_STYLE
def test_no_moment_is_silent_and_no_offset_hides_below_the_music(tracks, index):
    levels = frame_levels_db(tracks[index].mean(axis=0))
    assert levels.min() > -60
    assert levels[0] > levels.max() - 45  # the room rings already when the track begins
    assert np.abs(tracks[index].mean(axis=1)).max() < 0.01 * tracks[index].std()


@EACH_STYLE
def test_the_cut_at_either_end_is_faded(tracks, index):
    peak = np.abs(tracks[index]).max()
    assert np.abs(tracks[index][:, [0, 1, -2, -1]]).max() < 0.02 * peak


@EACH_STYLE
def test_the_treble_falls_away_as_in_recordings(tracks, index):
    f, p = welch(tracks[index].mean(axis=0), 48_000, nperseg=4_096)

    def density_db(low_hz, high_hz):
        return 10 * np.log10(p[(f >= low_hz) & (f < high_hz)].mean())

    bass = max(density_db(20, 300), density_db(300, 1_000))
    assert -75 < density_db(6_000, 10_000) - bass < -15
    assert -100 < density_db(14_000, 18_000) - bass < -25


def test_any_two_styles_differ_in_spectrum(tracks):
    prints = [fingerprint(track) for track in tracks[: len(STYLES)]]
    distances = {
        (STYLES[i].name, STYLES[j].name): np.sqrt(np.mean((prints[i] - prints[j]) ** 2))
        for i, j in combinations(range(len(STYLES)), 2)
    }
    assert min(distances.values()) > 3.0, min(distances, key=distances.get)


def test_styles_differ_in_how_they_move(tracks):
    treble = [high_pass(track.mean(axis=0), 4_000) for track in tracks[: len(STYLES)]]
    names = [style.name for style in STYLES]
    spread = {n: np.std(frame_levels_db(x, 960)) for n, x in zip(names, treble, strict=True)}
    drummed = min(spread[name] for name in ("percussion", "funk", "breakbeat", "techno"))
    sustained = max(spread[name] for name in ("string quartet", "choir", "orchestra"))
    assert drummed > 1.5 * sustained


def test_two_tracks_of_a_style_are_different_pieces(tracks):
    first, second = (tracks[i].mean(axis=0) for i in (0, len(STYLES)))
    similarity = correlate(first, second, method="fft")
    assert np.abs(similarity).max() < 0.5 * np.sqrt(np.sum(first**2) * np.sum(second**2))


@pytest.mark.long
@pytest.mark.parametrize("index", range(150))
def test_150_tracks_all_serve_as_clean_references(index):
    style = STYLES[index % len(STYLES)]
    stereo = compose(style, 12.0, derive_generator("synthesis", 0, index))
    assert upper_edge_hz(stereo.mean(axis=0).astype(np.float32), 48_000) > 18_000
    assert -0.5 < np.corrcoef(stereo)[0, 1] < 0.999
    assert frame_levels_db(stereo.mean(axis=0)).min() > -65
