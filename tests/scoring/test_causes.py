"""Causes: the costliest event is named, and only where there is something to explain."""

import pytest

from musqa_pipeline.scoring.causes import TYPICAL_COST_MOS, cause_of, cost_mos
from musqa_pipeline.scoring.score import Event
from musqa_pipeline.tracks.ceiling import IDENTITY_MOS, LOWPASS_MOS


def event(kind, strength=1.0, start_s=0.0, stop_s=10.0):
    return Event(kind, start_s, stop_s, strength, "db", f"{kind} {strength:g}")


def test_a_band_edge_costs_what_was_measured():
    for cut_hz, mos in LOWPASS_MOS.items():
        assert cost_mos(event("band_edge", cut_hz), 10.0) == pytest.approx(IDENTITY_MOS - mos)
    assert cost_mos(event("band_edge", 7_500, stop_s=5.0), 10.0) == pytest.approx(2.27 / 2)


def test_the_costliest_is_named():
    events = [
        event("click", stop_s=0.01),
        event("band_edge", 19_000.0),
        event("band_edge", 8_000.0),
    ]
    assert cause_of(events, 3.0, 10.0) == "band_edge 8000"
    assert cause_of([events[1], event("holes")], 3.0, 10.0) == "holes 1"


@pytest.mark.parametrize("mos", [None, 4.6])
def test_what_needs_no_explanation_gets_none(mos):
    assert cause_of([event("holes")], mos, 10.0) == ""
    assert cause_of([], 2.0, 10.0) == ""


def test_every_kind_of_event_has_a_rank():
    from musqa_pipeline.detectors.registry import DETECTORS

    assert set(DETECTORS) <= {"band_edge", *TYPICAL_COST_MOS}
