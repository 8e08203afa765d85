"""The score of a recording from those of its excerpts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from musqa_pipeline.scoring.abstain import LEAST_SCORED_FRAC, SILENCE
from musqa_pipeline.scoring.alternatives import in_common
from musqa_pipeline.scoring.causes import Heard, cause_of, known_edges, reason_with, sentence_of
from musqa_pipeline.scoring.combine import MIXED_MOS
from musqa_pipeline.scoring.score import Origin, Score
from musqa_pipeline.scoring.words import word_of, words_of


def together(scores: Sequence[Score], duration_s: float, origin: Origin | None = None) -> Score:
    """Put the scores of the excerpts of a recording together, one at least.

    It is the mean of the excerpts that have a score, and of their intervals: the error is mostly
    one offset a recording, so that the mean of intervals is no narrower. Bandwidth and true peak
    are the largest, loudness is that of the mean power, the cause is that of the worst. If too few
    excerpts have a score, there is none, for the reason that most of them have. `origin` is that
    of all of them.
    """
    scores = [replace(s, events=known_edges(s.events, origin)) for s in scores]
    scored = [s for s in scores if s.mos is not None]
    bandwidths = [s.bandwidth_hz for s in scores if s.bandwidth_hz is not None]
    peaks = [s.true_peak_dbtp for s in scores if s.true_peak_dbtp is not None]
    flags = dict.fromkeys(flag for s in scores for flag in s.flags)
    whole = replace(
        scores[0],
        duration_s=duration_s,
        bandwidth_hz=max(bandwidths, default=None),
        true_peak_dbtp=max(peaks, default=None),
        loudness_lufs=_mean_lufs([s.loudness_lufs for s in scores if s.loudness_lufs is not None]),
        windows=tuple(w for s in scores for w in s.windows),
        events=tuple(e for s in scores for e in s.events),
        origin=origin,
    )
    heard = Heard(whole.events, sum(s.duration_s for s in scores))
    if len(scored) < LEAST_SCORED_FRAC * len(scores) or not scored:
        abstained = Counter(s.abstained for s in scores if s.abstained).most_common(1)[0][0]
        reason = next(s.reason for s in scores if s.abstained == abstained)
        if abstained != SILENCE:
            reason = reason_with(reason, heard.events, heard.duration_s)
        return replace(
            whole, mos=None, mos_low=None, mos_high=None, word="", cause="", words="", sentence="",
            alternatives=(), abstained=abstained, reason=reason, flags=tuple(flags),
        )  # fmt: skip
    values = [s.mos for s in scored if s.mos is not None]
    if len(scored) < len(scores):
        flags["partly_scored"] = None
    if max(values) - min(values) > MIXED_MOS:
        flags["mixed_windows"] = None
    mos = _mean(values)
    assert mos is not None
    worst_first = sorted(scored, key=lambda s: s.mos or 0.0)
    low, high = _mean([s.mos_low for s in scored]), _mean([s.mos_high for s in scored])
    causes = [cause_of(s.events, s.mos, s.duration_s, heard) for s in worst_first]
    told = next((s for s, cause in zip(worst_first, causes, strict=True) if cause), worst_first[0])
    both = in_common([s.alternatives for s in scored], [1.0] * len(scored))
    return replace(
        whole,
        mos=mos,
        mos_low=low,
        mos_high=high,
        words=words_of(mos, low, high),
        sentence=sentence_of(
            told.events,
            mos,
            low,
            high,
            told.duration_s,
            detected=True,
            alternatives=both,
            heard=heard,
        ),
        alternatives=both,
        word=word_of(mos).name,
        abstained="",
        reason="",
        flags=tuple(flags),
        cause=next(filter(None, causes), ""),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _mean_lufs(values: Sequence[float]) -> float | None:
    return 10.0 * math.log10(fmean(10 ** (v / 10) for v in values)) if values else None
