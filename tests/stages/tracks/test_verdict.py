import pytest

from musqa_pipeline.core.settings.per_catalog import TracksSettings
from musqa_pipeline.stages.tracks.verdict import flags_of, least_upper_edge_hz


def flags(settings=None, **changes):
    clean = {
        "is_lossy": False,
        "tier": "lossless",
        "upper_edge_hz": 20_000.0,
        "sample_rate_hz": 44_100,
        "phase_correlation": 0.5,
    }
    return flags_of(**{**clean, **changes}, settings=settings or TracksSettings())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"is_lossy": True}, ["lossy_source"]),
        ({"tier": "Lossy_150k_190k"}, ["lossy_source"]),
        ({"tier": ""}, []),
        ({"upper_edge_hz": 17_990.0}, ["upper_edge"]),
        ({"phase_correlation": -0.51}, ["out_of_phase"]),
        (
            {"is_lossy": True, "upper_edge_hz": 5_000.0, "phase_correlation": -1.0},
            ["lossy_source", "upper_edge", "out_of_phase"],
        ),
    ],
)
def test_each_fault_has_its_flag(change, expected):
    assert flags(**change) == expected


def test_the_thresholds_are_settings():
    strict = TracksSettings(min_upper_edge_hz=20_500.0, max_out_of_phase=0.6)
    assert flags(strict, sample_rate_hz=96_000) == ["upper_edge", "out_of_phase"]


@pytest.mark.parametrize(
    ("rate_hz", "setting_hz", "expected_hz"),
    [
        (44_100, 18_000, 18_000),
        (48_000, 18_000, 18_000),
        (44_100, 20_000, 18_000),  # what a 44.1 kHz file is sure to reach
        (48_000, 20_000, 19_592),
        (96_000, 20_000, 20_000),
        (44_100, 15_000, 15_000),
        (8_000, 18_000, 18_000),  # so that no telephone recording passes
    ],
)
def test_the_least_edge_follows_the_rate(rate_hz, setting_hz, expected_hz):
    settings = TracksSettings(min_upper_edge_hz=float(setting_hz))
    assert least_upper_edge_hz(rate_hz, settings) == pytest.approx(expected_hz, abs=1)
