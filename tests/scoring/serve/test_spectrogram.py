"""The picture of a recording: where its energy lies, whatever its length and its blocks."""

import base64

import numpy as np
import pytest

from musqa_pipeline.scoring.serve.spectrogram import FLOOR_DB, MAX_COLUMNS, SpectrogramMeter


def cells_of(mono, rate_hz=48_000, block=65_536):
    meter = SpectrogramMeter(rate_hz)
    for start in range(0, len(mono), block):
        meter.push(mono[start : start + block])
    found = meter.finish()
    cells = np.frombuffer(base64.b64decode(found.levels), np.uint8)
    return found, cells.reshape(found.columns, found.rows)


def sine(hz, *, rate_hz=48_000, duration_s=2.0):
    return np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate_hz)) / rate_hz).astype("f4")


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 192_000])
def test_a_tone_lies_in_its_row(rate_hz):
    found, cells = cells_of(sine(3_000, rate_hz=rate_hz), rate_hz)
    assert found.highest_hz == pytest.approx(min(24_000, rate_hz / 2), rel=2e-3)
    row = int(3_000 / found.highest_hz * found.rows)
    assert abs(int(cells.mean(axis=0).argmax()) - row) <= 1
    assert cells.max() == 255


def test_levels_are_decibels_below_the_loudest_cell():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(96_000).astype(np.float32)
    noise[48_000:] *= np.float32(10 ** (-30 / 20))
    found, cells = cells_of(noise)
    half = found.columns // 2
    loud, soft = cells[: half - 1].mean(), cells[half + 1 :].mean()
    assert (loud - soft) / 255 * -FLOOR_DB == pytest.approx(30, abs=1)


def test_long_recordings_get_no_more_columns():
    meter = SpectrogramMeter(48_000)
    block = sine(1_000, duration_s=10)
    for _ in range(40):
        meter.push(block)
    found = meter.finish()
    assert MAX_COLUMNS <= found.columns <= 2 * MAX_COLUMNS
    assert found.columns * found.seconds_per_column == pytest.approx(400, rel=0.01)


def test_blocks_change_nothing():
    mono = np.random.default_rng(1).standard_normal(300_000).astype(np.float32)
    assert cells_of(mono)[0] == cells_of(mono, block=777)[0]


def test_silence_is_the_floor_and_less_than_a_frame_is_nothing():
    assert cells_of(np.zeros(48_000, np.float32))[1].max() == 0
    meter = SpectrogramMeter(48_000)
    meter.push(np.zeros(100, np.float32))
    assert meter.finish() is None
