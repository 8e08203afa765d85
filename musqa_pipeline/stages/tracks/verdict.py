"""Which tracks are no clean reference, and why."""

from __future__ import annotations

from musqa_pipeline.core.settings.tracks import TracksSettings

USABLE, FLAGGED = "usable", "flagged"
CD_RATE_HZ = 44_100
REACHABLE_FRAC = 18_000 / (CD_RATE_HZ / 2)
"""Part of the band below half the sample rate that a full-band recording is sure to fill; the
rest belongs to the anti-alias filter."""


def least_upper_edge_hz(sample_rate_hz: int, settings: TracksSettings) -> float:
    """Return the upper edge below which a track of this rate is flagged.

    Parameters
    ----------
    sample_rate_hz : int
        Rate of the file.
    settings : TracksSettings
        With `min_upper_edge_hz`.

    Returns
    -------
    float
        In hertz: the setting, but no more than a file of this rate can reach, 18 kHz at 44.1 kHz
        (of its own 22.05). Lower rates than that cannot hold the band of a clean reference and
        are judged like 44.1 kHz, so that they are always flagged at the default setting.
    """
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
    """List the reasons why a track is no clean reference.

    Parameters
    ----------
    is_lossy : bool
        Whether the file's own codec is lossy.
    tier : str
        What `tracks.csv` says the origin was; lossy if it begins with that word.
    upper_edge_hz : float
        Upper edge of the spectrum.
    sample_rate_hz : int
        Rate of the file.
    phase_correlation : float
        Of left and right.
    settings : TracksSettings
        Thresholds.

    Returns
    -------
    list of str
        Some of ``lossy_source``, ``upper_edge`` and ``out_of_phase``; empty for a clean track.
    """
    flags = []
    if is_lossy or tier.lower().startswith("lossy"):
        flags.append("lossy_source")
    if upper_edge_hz < least_upper_edge_hz(sample_rate_hz, settings):
        flags.append("upper_edge")
    if phase_correlation < settings.max_out_of_phase:
        flags.append("out_of_phase")
    return flags
