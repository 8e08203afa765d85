"""Causes: the costliest kind of event is named, and only where there is something to explain."""

import pytest

from musqa_pipeline.audio.metrics.ceiling import IDENTITY_MOS, LOWPASS_MOS
from musqa_pipeline.scoring.causes import (
    COST_MOS,
    EFFECTS,
    Heard,
    cause_of,
    cost_mos,
    known_edges,
    reason_with,
    sentence_of,
)
from musqa_pipeline.scoring.detectors.detect import DETECTORS
from musqa_pipeline.scoring.score import Event, Origin


def event(kind, strength=1.0, start_s=0.0, stop_s=10.0, **details):
    return Event(kind, start_s, stop_s, strength, "db", f"{kind} {strength:g}", details)


def test_a_band_edge_costs_what_was_measured():
    for cut_hz, mos in LOWPASS_MOS.items():
        assert cost_mos(event("band_edge", cut_hz), 10.0) == pytest.approx(IDENTITY_MOS - mos)
    assert cost_mos(event("band_edge", 7_500, stop_s=5.0), 10.0) == pytest.approx(2.27 / 2)


def test_clicks_and_dropouts_cost_by_their_number_in_ten_seconds():
    six = event("click", 6, stop_s=0.1)
    assert cost_mos(six, 10.0) == pytest.approx(0.25)
    assert cost_mos(six, 60.0) == pytest.approx(0.03)
    lost = event("dropout", 40, longest_ms=100.0)
    assert cost_mos(lost, 10.0) == pytest.approx(1.6)
    assert cost_mos(event("dropout", 40, longest_ms=1.0), 10.0) < 0.1


def test_the_costliest_kind_is_named():
    edge, dull, hole = event("band_edge", 19_000.0), event("band_edge", 8_000.0), event("holes")
    assert cause_of([event("click", stop_s=0.01), edge, dull], 3.0, 10.0) == "band_edge 8000"
    assert cause_of([edge, hole], 4.0, 10.0) == "holes 1"
    halves = [event("noise", 30.0, 0, 5), event("noise", 17.0, 5, 10)]
    assert cause_of([*halves, event("band_edge", 9_000.0)], 2.0, 10.0) == "noise 17"  # all is noisy


def test_a_cause_that_takes_a_part_says_which():
    edge = event("band_edge", 8_000.0, 2.9, 7.1)
    assert cause_of([edge], 3.0, 10.0) == "from 0:02 to 0:08 band_edge 8000"
    assert said([edge], 3.0) == "Strong loss of treble. From 0:02 to 0:08 band_edge 8000."
    assert said([edge], 4.7).endswith("Found all the same: from 0:02 to 0:08 band_edge 8000.")
    clip = Event("clipping", 3_599.0, 3_670.0, 0.3, "fraction", "clipping: 9 flat tops")
    told = sentence_of([clip], 4.7, None, None, 300.0, detected=True)
    assert told.endswith("same: from 59:59 to 1:01:10 clipping, 9 flat tops.")
    assert cause_of([event("band_edge", 8_000.0, 0.5, 9.6)], 3.0, 10.0) == "band_edge 8000"
    assert cause_of([event("click", 40.0, 3.0, 4.0)], 4.0, 10.0) == "click 40"


def test_a_lower_edge_in_the_rest_makes_an_edge_one_of_the_whole_and_a_higher_one_does_not():
    edge = event("band_edge", 11_200.0, 0.0, 5.0)
    for rest_hz, told in ((20_200.0, "from 0:00 to 0:05 "), (12_000.0, "")):
        rest = event("band_edge", rest_hz, 5.0, 10.0)
        assert cause_of([edge, rest], 4.0, 10.0) == f"{told}band_edge 11200"
    # Of an excerpt of 10 s among three: what it has throughout may be missing in the others.
    whole = event("band_edge", 11_200.0, 20.0, 30.0)
    heard = Heard([whole, event("band_edge", 20_000.0)], 30.0)
    assert cause_of([whole], 4.0, 10.0, heard) == "from 0:20 to 0:30 band_edge 11200"
    assert said([whole], 4.0, heard=heard).endswith(". From 0:20 to 0:30 band_edge 11200.")


HINT = "nothing above 11.2 kHz; MP3 at 64 kbit/s leaves such an edge"


@pytest.mark.parametrize(
    ("verdict", "codec", "told"),
    [
        ("likely lossy", "MP3 at 320 kbit/s", "nothing above 11.2 kHz"),
        ("possibly lossy", "Opus", "nothing above 11.2 kHz"),
        ("possibly lossy", "", HINT),
        ("genuine", "", HINT),
        ("lossy file", "MP3", HINT),
    ],
)
def test_an_edge_guesses_at_no_codec_where_the_frame_grid_names_it(verdict, codec, told):
    edge = Event("band_edge", 0.0, 10.0, 11_200.0, "hz", HINT, {"codecs": ["MP3 at 64 kbit/s"]})
    other = event("holes")
    found = known_edges([edge, other], Origin(verdict, codec))
    assert [e.text for e in found] == [told, "holes 1"]
    assert found[0].details == edge.details
    assert known_edges([edge], None) == (edge,)


def test_an_edge_of_the_sample_rate_is_no_guess():
    text = "nothing above 11.0 kHz: the sample rate of 22.05 kHz holds no more"
    details = {"sample_rate_hz": 22_050, "codecs": []}
    edge = Event("band_edge", 0.0, 10.0, 11_025.0, "hz", text, details)
    assert known_edges([edge], Origin("likely lossy", "MP3")) == (edge,)


def test_a_clipped_recording_blames_clipping_and_not_the_noise_that_it_lifts():
    noise = event("noise", 35.0)
    assert cause_of([event("clipping", 0.14), noise], 3.5, 10.0) == "clipping 0.14"
    assert cause_of([event("clipping", 0.004), noise], 3.5, 10.0) == "noise 35"


def test_what_visqol_does_not_hear_is_no_cause():
    narrow = event("mono_collapse", -60.0)
    assert cause_of([narrow, event("hum", -30.0)], 3.0, 10.0) == ""


def test_a_fault_that_explains_too_little_is_no_cause():
    assert cause_of([event("band_edge", 15_000.0)], 4.0, 10.0) == "band_edge 15000"
    assert cause_of([event("band_edge", 15_000.0)], 2.0, 10.0) == ""


@pytest.mark.parametrize("mos", [None, 4.6])
def test_what_needs_no_explanation_gets_none(mos):
    assert cause_of([event("holes")], mos, 10.0) == ""
    assert cause_of([], 2.0, 10.0) == ""


def test_every_kind_of_event_has_a_figure_and_amounts_rise():
    assert set(DETECTORS) <= set(COST_MOS)
    for table in COST_MOS.values():
        assert list(table) == sorted(table)


def said(events, mos, low=None, high=None, *, detected=True, heard=None):
    return sentence_of(events, mos, low, high, 10.0, detected=detected, heard=heard)


def clipping(amount):
    return Event("clipping", 0.0, 10.0, amount, "fraction", "clipping: 9 flat tops", {})


def test_the_sentence_follows_the_cause():
    assert said([event("band_edge", 11_200.0)], 3.5) == "Clear loss of treble. Band_edge 11200."
    assert said([clipping(0.3)], 3.5) == "Clear distortion. Clipping: 9 flat tops."
    assert said([event("noise", 17.0)], 2.0) == "Very strong noise. Noise 17."
    assert said([clipping(0.3)], 3.5, 2.6, 3.7) == (
        "Clear to strong distortion. Clipping: 9 flat tops."
    )
    assert said([clipping(0.3)], None) == ""


def test_no_cause_is_made_up():
    plain = "Clear differences from a clean original."
    assert said([], 3.5) == f"{plain} None of the faults that are looked for was found."
    assert said([], 3.5, detected=False) == plain
    part = "What was found explains only a part: clipping, 9 flat tops."
    assert said([clipping(0.017)], 3.2) == f"{plain} {part}"
    assert said([clipping(0.01)], 3.5) == f"{plain} {part}"  # the least is better than nothing
    assert said([event("mono_collapse", -60.0)], 3.5) == said([], 3.5)


def test_a_score_at_the_top_does_not_hide_what_was_found():
    edge = event("band_edge", 11_200.0)
    assert said([edge], 4.66, 3.81, 4.73) == (
        "At most slight differences from a clean original. Found all the same: band_edge 11200."
    )
    clicks = [event("click", 1, start_s=second, stop_s=second) for second in range(8)]
    assert said(clicks, 4.7).endswith("Found all the same: click 1, and 7 more.")
    assert said([*clicks, edge], 4.7).endswith("same: band_edge 11200; click 1, and 7 more.")
    assert (
        said(clicks[:1], 4.7) == said([], 4.7) == ("Hardly any differences from a clean original.")
    )


def test_what_was_found_is_added_to_a_reason_once():
    edge = event("band_edge", 11_200.0)
    told = reason_with("too far; listen to it", [clipping(0.3), edge], 10.0)
    assert told == "too far; listen to it. Found: band_edge 11200; clipping, 9 flat tops"
    assert reason_with(told, [clipping(0.003)], 10.0).endswith("it. Found: clipping, 9 flat tops")
    assert reason_with(told, [event("mono_collapse", -60.0)], 10.0) == "too far; listen to it"


def test_every_kind_of_event_has_an_effect():
    assert set(DETECTORS) == set(EFFECTS)
