"""Levels of any part of a recording: where a tone lies, how loud it is, whatever the view."""

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.scoring.picture.levels import LOWEST_DB, as_bytes, measure_levels
from musqa_pipeline.scoring.picture.view import Scale, View
from tests.audio.sounds import write


def tone(hz, rate_hz, duration_s=2.0, level_db=0.0):
    seconds = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hz * seconds)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("scale", list(Scale))
@pytest.mark.parametrize(
    "part", [{}, {"start_s": 0.5, "stop_s": 0.6}, {"low_hz": 2_900, "high_hz": 3_100}]
)
def test_a_tone_lies_in_its_row_with_its_level(tmp_path, rate_hz, scale, part):
    path = write(tmp_path / "tone.wav", tone(3_000, rate_hz, level_db=-6), rate_hz)
    found = measure_levels(path, View(scale=scale, columns=40, rows=120, **part))
    assert found.cells_db.shape == (40, 120)
    edges_hz = found.view.edges_hz()
    row = int(np.searchsorted(edges_hz, 3_000, side="right")) - 1
    middle = found.cells_db[20]
    near = middle >= middle.max() - 0.5
    resolution_hz = 2 / found.frame_s
    assert edges_hz[:-1][near].min() - resolution_hz < 3_000
    assert edges_hz[1:][near].max() + resolution_hz > 3_000
    # A Hann window reads up to 1.42 dB less between two bins.
    assert -7.5 < middle[row] < -5.9


def test_a_click_lies_in_its_column(tmp_path):
    samples = np.zeros(96_000, np.float32)
    samples[60_000] = 1.0
    path = write(tmp_path / "click.wav", samples)
    found = measure_levels(path, View(columns=200, frame_s=0.01))
    assert abs(int(found.cells_db.mean(axis=1).argmax()) - 125) <= 1
    near = measure_levels(path, View(start_s=1.2, stop_s=1.3, columns=100, frame_s=0.003))
    assert abs(int(near.cells_db.mean(axis=1).argmax()) - 50) <= 2


def test_a_part_is_what_it_is_in_the_whole(tmp_path):
    noise = np.random.default_rng(0).standard_normal(480_000).astype(np.float32) / 8
    path = write(tmp_path / "noise.flac", noise, format="FLAC", subtype="PCM_24")
    whole = measure_levels(path, View(columns=500)).cells_db
    part = measure_levels(path, View(start_s=2, stop_s=4, columns=100)).cells_db
    np.testing.assert_allclose(part, whole[100:200], atol=0.01)


def test_zooming_out_keeps_the_level_of_steady_sound(tmp_path):
    path = write(tmp_path / "tone.wav", tone(3_000, 48_000, 20))
    near, far = (
        measure_levels(path, View(columns=n, rows=64)).cells_db.max(axis=1).mean() for n in (900, 9)
    )
    assert near == pytest.approx(far, abs=0.2)


def test_each_channel_is_heard_alone(tmp_path):
    left, right = tone(1_500, 48_000), tone(5_500, 48_000, level_db=-20)
    path = write(tmp_path / "both.wav", np.stack([left, right], axis=1))

    def levels(channel):
        found = measure_levels(path, View(channel=channel, columns=5, rows=24))
        return found.cells_db[2, 1], found.cells_db[2, 5]

    expected = {
        "left": (0, -99), "right": (-99, -20), "1": (0, -99), "2": (-99, -20),
        "mix": (-6, -26), "mid": (-6, -26), "side": (-6, -26),
    }  # fmt: skip
    for channel, wanted in expected.items():
        for level, want in zip(levels(channel), wanted, strict=True):
            if want == -99:
                assert level < -60, channel
            else:
                assert level == pytest.approx(want, abs=1.5), channel


def test_what_both_channels_share_is_not_in_their_side(tmp_path):
    path = write(tmp_path / "mono.wav", np.stack([tone(1_000, 48_000)] * 2, axis=1))
    assert measure_levels(path, View(channel="side")).cells_db.max() == LOWEST_DB
    assert measure_levels(path, View(channel="mid")).cells_db.max() > -2


def test_a_channel_that_is_not_there_is_refused(tmp_path):
    path = write(tmp_path / "mono.wav", tone(1_000, 8_000), 8_000)
    for channel in ("left", "right", "side", "2"):
        text = f"channel {channel}: the recording has one channel; ask for mix"
        with pytest.raises(SettingsError, match=text):
            measure_levels(path, View(channel=channel))
    assert measure_levels(path, View(channel="1")).channels == 1


def test_silence_and_less_than_a_frame_are_pictures(tmp_path):
    silent = write(tmp_path / "silent.wav", np.zeros(48_000, np.float32))
    assert (measure_levels(silent, View()).cells_db == LOWEST_DB).all()
    short = write(tmp_path / "short.wav", tone(2_000, 48_000, 0.01))
    assert measure_levels(short, View(columns=10)).cells_db.max() > -20


def test_samples_that_are_no_numbers_are_silent(tmp_path):
    samples = tone(1_000, 48_000)
    samples[48_000:] = np.nan
    found = measure_levels(write(tmp_path / "nan.wav", samples, subtype="FLOAT"), View(columns=10))
    assert np.isfinite(found.cells_db).all()
    assert found.cells_db[8].max() == LOWEST_DB


def test_a_broken_file_is_refused(tmp_path):
    whole = write(tmp_path / "whole.flac", tone(1_000, 48_000, 9), format="FLAC", subtype="PCM_16")
    broken = tmp_path / "broken.flac"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(UnfitInputError, match="decoding stops after"):
        measure_levels(broken, View())


def test_bytes_are_half_decibels():
    levels_db = np.array([[-999, LOWEST_DB, -100, -0.2, 5, 20]], np.float32)
    assert as_bytes(levels_db).tolist() == [[0, 0, 45, 245, 255, 255]]
