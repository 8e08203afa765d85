import pytest
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.audio.metrics.ceiling import origin_kbps, own_mos


def test_a_track_without_flags_is_its_own_original():
    assert own_mos(5_000, [], bitrate_kbps=1_000) == 4.73


@pytest.mark.parametrize(
    ("edge_hz", "expected"), [(3_500, 1.99), (11_000, 3.39), (16_000, 4.28), (23_000, 4.73)]
)
def test_a_low_edge_costs_what_a_steep_low_pass_costs(edge_hz, expected):
    assert own_mos(edge_hz, ["upper_edge"], bitrate_kbps=900) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("tier", "bitrate_kbps", "expected_kbps"),
    [
        ("lossy_190k_up", 700, 190),
        ("lossy_150k_190k", 700, 150),
        ("lossy_below_150k", 700, 100),
        ("lossy", 700, 128),
        ("", 256, 256),
    ],
)
def test_the_tier_tells_the_bitrate_of_the_origin(tier, bitrate_kbps, expected_kbps):
    assert origin_kbps(tier, bitrate_kbps) == pytest.approx(expected_kbps)


def test_better_tiers_have_higher_ceilings_below_identity():
    tiers = ["lossy_below_150k", "lossy_150k_190k", "lossy_190k_up"]
    figures = [own_mos(20_000, ["lossy_source"], bitrate_kbps=700, tier=tier) for tier in tiers]
    assert figures == sorted(set(figures))
    assert figures[0] > 3.9
    assert figures[-1] < 4.6


@given(
    edges=st.tuples(st.floats(0, 24_000), st.floats(0, 24_000)),
    rates=st.tuples(st.floats(0, 512), st.floats(0, 512)),
    flags=st.sets(st.sampled_from(["upper_edge", "lossy_source", "out_of_phase"])),
)
def test_it_never_falls_as_edge_and_bitrate_rise_and_never_rises_with_a_flag(edges, rates, flags):
    low = own_mos(min(edges), sorted(flags), bitrate_kbps=min(rates))
    high = own_mos(max(edges), sorted(flags), bitrate_kbps=max(rates))
    assert 1.0 <= low <= high <= 4.73
    assert own_mos(min(edges), [*flags, "out_of_phase"], bitrate_kbps=min(rates)) <= low
