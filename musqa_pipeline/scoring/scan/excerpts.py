"""Where a recording is listened to: the middles of its equal parts, silence passed over.

Nothing is drawn by chance and nothing depends on the bytes of the file: two copies of a recording,
whatever their codec, are heard at the same places. So their scores can be compared, and their
fingerprints overlap. A place that turns out to be silent is replaced by the next of `spare_starts`.
"""

from __future__ import annotations

from musqa_pipeline.audio.constants import EXCERPT_S


def excerpt_starts(duration_s: float, n_excerpts: int) -> list[float]:
    """Return where excerpts of a recording begin, in seconds, rising.

    There are fewer where it is shorter than so many, and 0 alone where it is shorter than two.
    """
    n = max(1, min(n_excerpts, int(duration_s / EXCERPT_S)))
    part_s = duration_s / n
    return [max(0.0, (i + 0.5) * part_s - EXCERPT_S / 2) for i in range(n)]


def spare_starts(duration_s: float, n_excerpts: int) -> list[float]:
    """Return where to listen in place of silent excerpts, as many places again, in seconds.

    They go from the beginning on: an excerpt is silent most often because the recording ends long
    before the file does.
    """
    n = max(1, min(n_excerpts, int(duration_s / EXCERPT_S)))
    part_s = duration_s / n
    if part_s < 3 * EXCERPT_S:  # they would repeat what was heard
        return []
    return [i * part_s + min(part_s / 2 - 1.5 * EXCERPT_S, EXCERPT_S / 2) for i in range(n)]
