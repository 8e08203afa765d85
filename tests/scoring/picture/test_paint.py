"""Pictures without a browser: where a tone lies, its colour, and what is written."""

import io

import numpy as np
import pytest
from PIL import Image

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.picture.colours import STOPS, tint, usual_range
from musqa_pipeline.scoring.picture.paint import BOTTOM, LEFT, RIGHT, TOP, Sheet, paint
from musqa_pipeline.scoring.picture.view import View
from tests.audio.sounds import write


def plot_of(png):
    with Image.open(io.BytesIO(png)) as image:
        page = np.array(image)
    return page[TOP : page.shape[0] - BOTTOM, LEFT : page.shape[1] - RIGHT]


@pytest.fixture
def tone(tmp_path):
    """1.5 kHz at -45 dBFS for a second, then nothing."""
    seconds = np.arange(48_000) / 48_000
    samples = np.zeros(96_000, np.float32)
    samples[:48_000] = 10 ** (-45 / 20) * np.sin(2 * np.pi * 1_500 * seconds)
    return write(tmp_path / "tone.wav", samples, subtype="FLOAT")


def test_a_tone_has_its_place_and_the_colour_of_its_level(tone):
    sheet = Sheet(width=LEFT + RIGHT + 400, height=TOP + BOTTOM + 240, floor_db=-90, ceiling_db=0)
    png, found, range_db = paint(tone, View(), sheet)
    plot = plot_of(png)
    assert plot.shape == (240, 400, 3)
    assert range_db == (-90, 0)
    row = 240 - 1 - 15  # of 100 Hz each, from the top down
    np.testing.assert_allclose(plot[row, 100], tint(np.array(0.5)), atol=3)
    assert (plot[row, 300] == STOPS[0]).all()
    assert (plot[20, 100] == STOPS[0]).all()
    assert found.view.columns == 400


def test_a_range_that_is_not_named_is_90_db_from_the_loudest(tone):
    assert usual_range(-44.6) == (-120, -30)
    assert usual_range(-2.1) == (-90, 0)
    assert usual_range(3) == (-85, 5)
    assert paint(tone, View(), Sheet())[2] == (-120, -30)
    assert paint(tone, View(), Sheet(ceiling_db=-40))[2] == (-130, -40)
    assert paint(tone, View(), Sheet(floor_db=-60))[2] == (-60, -30)
    with pytest.raises(SettingsError, match="floor_db -20, ceiling_db -30: expected the second"):
        paint(tone, View(), Sheet(floor_db=-20))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"width": 100}, "width 100: expected 240 to 4164 pixels"),
        ({"height": 5_000}, "height 5000: expected 160 to 2140 pixels"),
        ({"floor_db": -10, "ceiling_db": -9}, "floor_db -10, ceiling_db -9: expected the second"),
        ({"ceiling_db": float("inf")}, "ceiling_db inf: expected -200 to 200"),
    ],
)
def test_wrong_sheets_are_refused(wrong, text):
    with pytest.raises(SettingsError, match=text):
        Sheet(**wrong)


def test_the_ends_of_the_range_are_the_ends_of_the_colours():
    assert tint(np.array([-1.0, 0.0, 1.0, 9.0])).tolist() == [
        list(stop) for stop in (STOPS[0], STOPS[0], STOPS[-1], STOPS[-1])
    ]


def test_any_name_is_written_and_none_is_obeyed(tmp_path, tone):
    for name in ("long " * 40 + ".wav", "\x1b[31mred‮.wav", "日本.wav"):
        path = tmp_path / name
        path.write_bytes(tone.read_bytes())
        png, *_ = paint(path, View(), Sheet(width=240, height=160))
        with Image.open(io.BytesIO(png)) as image:
            title = np.array(image.convert("L"))[:TOP]
        assert title.min() < 200  # something is there
        assert title[:, -8:].min() == 255  # and ends before the edge
