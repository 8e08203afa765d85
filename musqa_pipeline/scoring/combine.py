"""From windows to the score of a recording: weights, interval, flags, word, or a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.audio.files.limits import ODD_DBTP
from musqa_pipeline.scoring import abstain
from musqa_pipeline.scoring.causes import cause_of
from musqa_pipeline.scoring.score import Event, Score, WindowScore
from musqa_pipeline.scoring.sections import Section, shares_s
from musqa_pipeline.scoring.verdict import Verdict
from musqa_pipeline.scoring.windows import LEAST_REST_S, SHORTEST_S, Window
from musqa_pipeline.scoring.words import word_of

if TYPE_CHECKING:
    from musqa_pipeline.scoring.meters import Meters

MIXED_MOS = 1.0
"""Windows that lie so far apart make a mean that no part of the recording has."""


@dataclass(frozen=True)
class Facts:
    """What is known of a recording beside its windows."""

    sample_rate_hz: int
    channels: int
    meters: Meters
    n_not_finite: int
    model: str
    events: tuple[Event, ...]


def _to_mos(quality: float | None) -> float | None:
    """Return the MOS-LQO of a quality in 0 to 0.9333; None for None."""
    return None if quality is None else 1.0 + 4.0 * quality


def window_score(
    start_frame: int, stop_frame: int, sample_rate_hz: int, verdict: Verdict
) -> WindowScore:
    """Put the verdict on a window in MOS, and its frames, at the recording's rate, in seconds."""
    b = verdict.bounds
    mos, low, high = (None,) * 3 if b is None else map(_to_mos, (b.quality, b.low, b.high))
    return WindowScore(
        start_s=start_frame / sample_rate_hz,
        stop_s=stop_frame / sample_rate_hz,
        mos=mos,
        mos_low=low,
        mos_high=high,
        abstained=verdict.abstained,
    )


def combine(
    judged: Sequence[tuple[Window, Verdict]],
    sections: Sequence[Section],
    cell_frames: int,
    facts: Facts,
) -> Score:
    """Make the score of a recording.

    Parameters
    ----------
    judged : sequence of (Window, Verdict)
        All windows, in order.
    sections, cell_frames : sequence of Section, int
        From the cutter.
    facts : Facts
        The rest.

    Returns
    -------
    Score
        The mean of the windows with a score, weighted by the seconds of sound that each speaks
        for. The interval is the mean of theirs and no narrower: the error is mostly one offset a
        recording, in which its windows agree.
    """
    spans = [(w.section, w.start_frame, w.stop_frame) for w, _ in judged]
    shares = shares_s(sections, spans, cell_frames)
    scored = [i for i, (_, verdict) in enumerate(judged) if verdict.bounds is not None]
    word, reason = _abstention(judged, shares, sections, facts)
    mos = low = high = None
    if not word:
        weights = shares_s(sections, [spans[i] for i in scored], cell_frames)
        found = [judged[i][1].bounds for i in scored]
        mos = _mean([None if b is None else b.quality for b in found], weights)
        low = _mean([None if b is None else b.low for b in found], weights)
        high = _mean([None if b is None else b.high for b in found], weights)
    windows = tuple(
        window_score(w.start_frame, w.stop_frame, facts.sample_rate_hz, verdict)
        for w, verdict in judged
    )
    duration_s = facts.meters.frames / facts.sample_rate_hz
    return Score(
        mos=mos,
        mos_low=low,
        mos_high=high,
        word="" if mos is None else word_of(mos).name,
        abstained=word,
        reason=reason,
        flags=_flags(judged, windows, facts),
        duration_s=duration_s,
        sample_rate_hz=facts.sample_rate_hz,
        channels=facts.channels,
        bandwidth_hz=facts.meters.bandwidth_hz(),
        loudness_lufs=facts.meters.loudness_lufs(),
        true_peak_dbtp=facts.meters.true_peak_dbtp(),
        cause=cause_of(facts.events, mos, duration_s),
        windows=windows,
        events=facts.events,
        model=facts.model,
    )


def _abstention(
    judged: Sequence[tuple[Window, Verdict]],
    shares: NDArray[np.float64],
    sections: Sequence[Section],
    facts: Facts,
) -> tuple[str, str]:
    """Return the word and the sentence; both empty if there is a score."""
    meters = facts.meters
    if meters.cancelled or meters.loudness_lufs() is None:
        # Where the channels cancel, what is left is not what anybody hears.
        return abstain.SILENCE, abstain.silence_reason(cancelled=meters.cancelled)
    if not judged:
        longest = max((s.stop_frame - s.start_frame for s in sections), default=0)
        return abstain.SHORT, abstain.short_reason(longest / facts.sample_rate_hz)
    without: dict[str, float] = {}
    for (_, verdict), share in zip(judged, shares, strict=True):
        if verdict.abstained:
            without[verdict.abstained] = without.get(verdict.abstained, 0.0) + float(share)
    total = float(np.sum(shares))
    if total - sum(without.values()) >= abstain.LEAST_SCORED_FRAC * total:
        return "", ""
    word = max(without, key=lambda name: without[name])
    verdicts = [verdict for _, verdict in judged if verdict.abstained == word]
    if word == abstain.SPEECH:
        return word, abstain.speech_reason(float(np.median([v.speech for v in verdicts])))
    if word == abstain.UNFAMILIAR:
        return word, abstain.unfamiliar_reason(float(np.median([v.distance for v in verdicts])))
    sound_s = max(window.sound_s for window, _ in judged)
    if sound_s < SHORTEST_S:
        return abstain.SHORT, abstain.short_reason(sound_s)
    return word, abstain.silence_reason(cancelled=False)


def _mean(qualities: Sequence[float | None], weights: NDArray[np.float64]) -> float | None:
    """Return the weighted mean as MOS; None if a value is missing."""
    known = [value for value in qualities if value is not None]
    if len(known) < len(qualities):
        return None
    return _to_mos(float(np.sum(np.array(known) * weights) / np.sum(weights)))


def _flags(
    judged: Sequence[tuple[Window, Verdict]], windows: Sequence[WindowScore], facts: Facts
) -> tuple[str, ...]:
    scores = [window.mos for window in windows if window.mos is not None]
    whole = (EXCERPT_S - LEAST_REST_S) * facts.sample_rate_hz  # a file of 10 s ends in some silence
    flags = {
        "looped": any(
            verdict.looped and w.stop_frame - w.start_frame < whole for w, verdict in judged
        ),
        "partly_scored": bool(scores) and len(scores) < len(windows),
        "mixed_windows": bool(scores) and max(scores) - min(scores) > MIXED_MOS,
        "clipped_input": any(event.kind == "clipping" for event in facts.events),
        "not_finite": facts.n_not_finite > 0,
        "odd_level": (facts.meters.true_peak_dbtp() or 0.0) > ODD_DBTP,
    }
    return tuple(name for name, is_set in flags.items() if is_set)
