"""Where a recording is listened to: the middles of its equal parts, silence passed over.

Nothing is drawn by chance and nothing depends on the bytes of the file: two copies of a recording,
whatever their codec, are heard at the same places. So their scores can be compared, and their
fingerprints overlap. A place that turns out to be silent is replaced by the next of `spare_starts`.
"""

from __future__ import annotations

EXCERPT_S = 10.0
SILENT_DBFS = -60.0
"""Below this RMS level an excerpt is a pause or the end of a track, not music."""


def excerpt_starts(duration_s: float, n_excerpts: int) -> list[float]:
    """Return where excerpts begin.

    Parameters
    ----------
    duration_s : float
        Of the recording.
    n_excerpts : int
        Wanted.

    Returns
    -------
    list of float
        In seconds, rising; fewer where the recording is shorter than so many excerpts, and 0 alone
        where it is shorter than two.
    """
    n = max(1, min(n_excerpts, int(duration_s / EXCERPT_S)))
    part_s = duration_s / n
    return [max(0.0, (i + 0.5) * part_s - EXCERPT_S / 2) for i in range(n)]


def spare_starts(duration_s: float, n_excerpts: int) -> list[float]:
    """Return where to listen in place of silent excerpts.

    Parameters
    ----------
    duration_s : float
        Of the recording.
    n_excerpts : int
        As for `excerpt_starts`.

    Returns
    -------
    list of float
        As many places again, in seconds, from the beginning on: an excerpt is silent most often
        because the recording ends long before the file does.
    """
    n = max(1, min(n_excerpts, int(duration_s / EXCERPT_S)))
    part_s = duration_s / n
    if part_s < 3 * EXCERPT_S:  # they would repeat what was heard
        return []
    return [i * part_s + min(part_s / 2 - 1.5 * EXCERPT_S, EXCERPT_S / 2) for i in range(n)]
