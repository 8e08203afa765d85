"""Limits that no music passes and hostile files do: rates, channels, hours."""

from __future__ import annotations

from musqa_pipeline.errors import UnfitInputError

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 768_000
MAX_CHANNELS = 64
MAX_DURATION_S = 24 * 3600.0
"""A longer file is refused: a few kilobytes of FLAC can claim and decode to weeks."""


def check_limits(sample_rate_hz: int, channels: int) -> None:
    """Refuse rates and numbers of channels that no music has.

    Parameters
    ----------
    sample_rate_hz, channels : int
        Of a recording.

    Raises
    ------
    UnfitInputError
        If one is out of range; its reason is ``odd_format``.
    """
    if not 1 <= channels <= MAX_CHANNELS:
        raise UnfitInputError(
            "odd_format", f"{channels} channels", f"give it 1 to {MAX_CHANNELS} channels"
        )
    if not LOWEST_RATE_HZ <= sample_rate_hz <= HIGHEST_RATE_HZ:
        raise UnfitInputError(
            "odd_format",
            f"{sample_rate_hz} Hz",
            f"resample it to {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz",
        )


def too_long(found: str, max_duration_s: float) -> UnfitInputError:
    """Build the error of a file that is longer than a limit.

    Parameters
    ----------
    found : str
        What was found, such as ``"the header says 30 h"``.
    max_duration_s : float
        The limit.

    Returns
    -------
    UnfitInputError
        With the reason ``too_long``.
    """
    return UnfitInputError(
        "too_long", f"{found}, the limit is {max_duration_s / 3600:g} h", "cut it into parts"
    )


def check_declared(declared_frames: int, sample_rate_hz: int, max_duration_s: float) -> None:
    """Refuse a file whose header says that it is longer than a limit.

    Parameters
    ----------
    declared_frames, sample_rate_hz : int
        From the header.
    max_duration_s : float
        The limit.

    Raises
    ------
    UnfitInputError
        If it is longer; its reason is ``too_long``.
    """
    if declared_frames > max_duration_s * sample_rate_hz:
        hours = declared_frames / sample_rate_hz / 3600
        raise too_long(f"the header says {hours:,.1f} h", max_duration_s)
