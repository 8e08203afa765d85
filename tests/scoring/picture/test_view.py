"""What part of a recording is looked at: what is refused, and how it is fitted."""

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.picture.view import Scale, View, off_scale, on_scale


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"start_s": -1}, "start_s -1: expected 0 or more seconds"),
        ({"start_s": float("nan")}, "start_s nan: expected 0 or more"),
        ({"start_s": 5, "stop_s": 5}, r"stop_s 5: expected at least 0\.001 s after start_s 5"),
        ({"stop_s": float("nan")}, "stop_s nan: expected"),
        ({"low_hz": -1}, "low_hz -1: expected 0 Hz or more"),
        ({"low_hz": 500, "high_hz": 500}, "high_hz 500: expected at least 1 Hz above low_hz 500"),
        ({"scale": "bark"}, "scale bark: expected linear, mel, log"),
        ({"channel": "0"}, "channel 0: expected mix, left, right, mid, side, or a number from 1"),
        ({"channel": "1\n"}, "channel 1"),
        ({"frame_s": 2.0}, r"frame_s 2\.0: expected 0\.002 to 1 seconds"),
        ({"columns": 0}, "columns 0: expected 1 to 4096"),
        ({"rows": 9_999}, "rows 9999: expected 1 to 2048"),
    ],
)
def test_what_no_recording_has_is_refused(wrong, text):
    with pytest.raises(SettingsError, match=text):
        View(**wrong)


def test_open_ends_are_the_recordings():
    view = View().within(12.5, 44_100)
    assert (view.start_s, view.stop_s, view.low_hz, view.high_hz) == (0, 12.5, 0, 22_050)
    view = View(stop_s=99, high_hz=96_000, low_hz=5, scale=Scale.log).within(12.5, 44_100)
    assert (view.stop_s, view.low_hz, view.high_hz) == (12.5, 20, 22_050)


def test_what_lies_beyond_a_recording_is_refused():
    with pytest.raises(SettingsError, match=r"start_s 13: the recording ends at 12\.5 s; begin"):
        View(start_s=13).within(12.5, 44_100)
    with pytest.raises(SettingsError, match="low_hz 5000: expected less than 4000; at 8000 Hz"):
        View(low_hz=5_000).within(12.5, 8_000)


@pytest.mark.parametrize("scale", list(Scale))
def test_rows_are_even_on_their_scale(scale):
    view = View(low_hz=100, high_hz=10_000, scale=scale, rows=50).within(1, 48_000)
    edges_hz = view.edges_hz()
    assert len(edges_hz) == 51
    np.testing.assert_allclose(edges_hz[[0, -1]], [100, 10_000])
    steps = np.diff(on_scale(edges_hz, scale))
    np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(off_scale(on_scale(edges_hz, scale), scale), edges_hz)


def test_a_thousand_hertz_are_a_thousand_mel():
    assert on_scale(np.array([1_000.0]), Scale.mel)[0] == pytest.approx(1_000, abs=0.1)
