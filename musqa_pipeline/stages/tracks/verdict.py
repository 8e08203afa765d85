"""Which tracks are no clean reference, and why."""

from __future__ import annotations

from musqa_pipeline.core.settings.per_catalog import TracksSettings

USABLE, FLAGGED = "usable", "flagged"
CD_RATE_HZ = 44_100
REACHABLE_FRAC = 18_000 / (CD_RATE_HZ / 2)
"""Part of the band below half the sample rate that a full-band recording is sure to fill; the
rest belongs to the anti-alias filter."""


def least_upper_edge_hz(sample_rate_hz: int, settings: TracksSettings) -> float:
    """Return the upper edge below which a track of this rate is flagged."""
    reachable = REACHABLE_FRAC * max(sample_rate_hz, CD_RATE_HZ) / 2
    return min(settings.min_upper_edge_hz, reachable)


def flags_of(
    *,
    is_lossy: bool,
    tier: str,
    upper_edge_hz: float,
    sample_rate_hz: int,
    phase_correlation: float,
    settings: TracksSettings,
) -> list[str]:
    """List the reasons why a track is no clean reference."""
    flags = []
    if is_lossy or tier.lower().startswith("lossy"):
        flags.append("lossy_source")
    if upper_edge_hz < least_upper_edge_hz(sample_rate_hz, settings):
        flags.append("upper_edge")
    if phase_correlation < settings.max_out_of_phase:
        flags.append("out_of_phase")
    return flags
