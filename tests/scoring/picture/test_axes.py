"""Ticks: round numbers with room between them, on every scale and at every zoom."""

import itertools

import pytest

from musqa_pipeline.scoring.picture.axes import (
    ROW_ROOM,
    TICK_ROOM,
    clock,
    hz_ticks,
    level_ticks,
    place_of,
    time_ticks,
)
from musqa_pipeline.scoring.picture.view import Scale, View


def view(low_hz, high_hz, scale):
    return View(low_hz=low_hz, high_hz=high_hz, scale=scale).within(1, 2 * 24_000)


def test_times_are_written_as_finely_as_they_lie():
    assert [text for _, text in time_ticks(0, 240, 700)] == [
        f"{m}:{s:02}" for m, s in itertools.product(range(4), (0, 30))
    ] + ["4:00"]
    assert [text for _, text in time_ticks(59.95, 60.05, 500)] == [
        *("0:59.96", "0:59.98", "1:00.00", "1:00.02", "1:00.04"),
    ]
    assert (clock(59.96, 1), clock(3_600, 0), clock(-1, 0)) == ("1:00.0", "60:00", "0:00")


@pytest.mark.parametrize("span_s", [0.02, 0.7, 3, 100, 7_000, 86_400])
def test_times_have_room(span_s):
    ticks = [time for time, _ in time_ticks(span_s / 3, span_s / 3 + span_s, 600)]
    assert 1 < len(ticks) <= 600 / TICK_ROOM + 1
    assert all(span_s / 3 <= time <= span_s / 3 + span_s + 1e-6 for time in ticks)


def test_frequencies_are_round():
    assert [text for _, text in hz_ticks(view(0, 24_000, Scale.linear), 300)] == [
        "0", "2k", "4k", "6k", "8k", "10k", "12k", "14k", "16k", "18k", "20k", "22k", "24k",
    ]  # fmt: skip
    assert [text for _, text in hz_ticks(view(0, 24_000, Scale.log), 240)] == [
        *("20", "50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"),
    ]
    assert [text for _, text in hz_ticks(view(1_000, 1_010, Scale.mel), 120)] == [
        *("1k", "1.002k", "1.004k", "1.006k", "1.008k", "1.01k"),
    ]


@pytest.mark.parametrize("scale", list(Scale))
@pytest.mark.parametrize("band", [(0, 24_000), (0, 500), (900, 1_100), (15_000, 15_050)])
def test_frequencies_have_room(scale, band):
    shown = view(*band, scale)
    places = [place_of(hz, shown) * 240 for hz, _ in hz_ticks(shown, 240)]
    assert len(places) >= 2
    assert min(places) >= -0.01
    assert max(places) <= 240.01
    assert min(after - before for before, after in itertools.pairwise(places)) >= ROW_ROOM - 3


def test_levels_are_round():
    assert level_ticks(-90, 0, 360) == [-90, -80, -70, -60, -50, -40, -30, -20, -10, 0]
    assert level_ticks(-97.5, -7.5, 130) == [-90, -60, -30]
