"""From windows to the score of a recording: weights, interval, flags, word, or a reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.audio.files.limits import ODD_DBTP
from musqa_pipeline.scoring import abstain
from musqa_pipeline.scoring.alternatives import in_common
from musqa_pipeline.scoring.causes import cause_of, known_edges, reason_with, sentence_of
from musqa_pipeline.scoring.score import Alternative, Event, Origin, Score, WindowScore
from musqa_pipeline.scoring.verdict import Verdict
from musqa_pipeline.scoring.windows import (
    LEAST_REST_S,
    LEAST_SOUND_S,
    Window,
    WindowCutter,
    shares_s,
)
from musqa_pipeline.scoring.words import word_of, words_of

MIXED_MOS = 1.0
"""Windows that lie so far apart make a mean that no part of the recording has."""


class Meters:
    """What is known of a recording beside its windows, measured block by block."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        from musqa_pipeline.audio.measures.bandwidth import BandwidthMeter
        from musqa_pipeline.audio.measures.loudness import BLOCK_S, LoudnessMeter
        from musqa_pipeline.audio.measures.peaks import TruePeakMeter

        self._loudness = LoudnessMeter(sample_rate_hz, channels)
        self._peak = TruePeakMeter(channels)
        self._bandwidth = BandwidthMeter(sample_rate_hz)
        self._mono_energy = self._channel_energy = 0.0
        self._loudness_needs_s = BLOCK_S
        self.sample_rate_hz, self.channels = sample_rate_hz, channels
        self.frames = self.n_not_finite = 0

    def update(self, block: NDArray[np.float32], mono: NDArray[np.float32]) -> None:
        """Take the next samples, float32 (frames, channels) and finite, and their mix (frames,)."""
        self.frames += len(block)
        self._loudness.update(block)
        if not block.any():  # digital silence has neither an edge nor a peak
            return
        self._peak.update(block)
        self._bandwidth.update(mono)
        self._mono_energy += float(np.sum(np.square(mono, dtype=np.float64)))
        channels = sum(np.sum(np.square(c, dtype=np.float64)) for c in block.T)
        self._channel_energy += float(channels) / block.shape[1]

    @property
    def duration_s(self) -> float:
        """Length so far."""
        return self.frames / self.sample_rate_hz

    @property
    def cancelled(self) -> bool:
        """Whether the mix is next to nothing where the channels are not."""
        return self._mono_energy < 10 ** (-abstain.CANCELLED_BELOW_DB / 10) * self._channel_energy

    @property
    def silent(self) -> bool:
        """Whether all is below -70 LUFS; what is too short for a loudness, whether it is zero."""
        if self.duration_s < self._loudness_needs_s:
            return self._channel_energy == 0
        return self.loudness_lufs() is None

    def bandwidth_hz(self) -> float | None:
        """Return the upper edge of what there is to hear; None in silence."""
        return self._bandwidth.upper_edge_hz() or None

    def loudness_lufs(self) -> float | None:
        """Return the integrated loudness of all channels; None where all is below its gate."""
        return _finite(self._loudness.integrated_lufs())

    def true_peak_dbtp(self) -> float | None:
        """Return the true peak so far; None in digital silence."""
        return _finite(self._peak.true_peak_dbtp())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
    cutter: WindowCutter,
    meters: Meters,
    events: tuple[Event, ...] | None,
    model: str,
    origin: Origin | None = None,
) -> Score:
    """Make the score of a recording from its windows, in order, its cutter and its meters.

    It is the mean of the windows with a score, weighted by the seconds of sound that each speaks
    for. The interval is the mean of theirs and no narrower: the error is mostly one offset a
    recording, in which its windows agree. `events` is None where none were looked for. Where the
    frame grid of `origin` names a codec, edges guess at none.
    """
    detected, events = events is not None, known_edges(events or (), origin)
    spans = [(w.section, w.start_frame, w.stop_frame) for w, _ in judged]
    word, reason = _abstention(judged, spans, cutter, meters)
    if word not in ("", abstain.SILENCE):
        reason = reason_with(reason, events, meters.duration_s)
    mos = low = high = None
    both: tuple[Alternative, ...] = ()
    if not word:
        scored = [(at, v) for at, (_, v) in zip(spans, judged, strict=True) if v.bounds]
        weights = shares_s(cutter.sections, [at for at, _ in scored], cutter.cell_frames)
        found = [v.bounds for _, v in scored if v.bounds]
        mos = _mean([b.quality for b in found], weights)
        low = _mean([b.low for b in found], weights)
        high = _mean([b.high for b in found], weights)
        both = in_common([v.alternatives for _, v in scored], weights.tolist())
    windows = tuple(
        window_score(w.start_frame, w.stop_frame, meters.sample_rate_hz, verdict)
        for w, verdict in judged
    )
    return Score(
        mos=mos,
        mos_low=low,
        mos_high=high,
        word="" if mos is None else word_of(mos).name,
        abstained=word,
        reason=reason,
        flags=_flags(judged, windows, meters, events),
        duration_s=meters.duration_s,
        sample_rate_hz=meters.sample_rate_hz,
        channels=meters.channels,
        bandwidth_hz=meters.bandwidth_hz(),
        loudness_lufs=meters.loudness_lufs(),
        true_peak_dbtp=meters.true_peak_dbtp(),
        origin=origin,
        cause=cause_of(events, mos, meters.duration_s),
        windows=windows,
        events=events,
        model=model,
        words="" if mos is None else words_of(mos, low, high),
        sentence=sentence_of(
            events, mos, low, high, meters.duration_s, detected=detected, alternatives=both
        ),
        alternatives=both,
    )


def _abstention(
    judged: Sequence[tuple[Window, Verdict]],
    spans: Sequence[tuple[int, int, int]],
    cutter: WindowCutter,
    meters: Meters,
) -> tuple[str, str]:
    """Return the word and the sentence; both empty if there is a score."""
    if meters.cancelled or meters.silent:
        # Where the channels cancel, what is left is not what anybody hears.
        return abstain.SILENCE, abstain.silence_reason(cancelled=meters.cancelled)
    if not judged:
        longest = max((s.stop_frame - s.start_frame for s in cutter.sections), default=0)
        return abstain.SHORT, abstain.short_reason(longest / meters.sample_rate_hz)
    shares = shares_s(cutter.sections, spans, cutter.cell_frames)
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
    sound_s = max(window.sound_s for window, verdict in judged if verdict.abstained == word)
    if sound_s < LEAST_SOUND_S:
        return abstain.SHORT, abstain.short_reason(sound_s)
    return word, abstain.silence_reason(cancelled=False)


def _mean(qualities: Sequence[float | None], weights: NDArray[np.float64]) -> float | None:
    """Return the weighted mean as MOS; None if a value is missing."""
    known = [value for value in qualities if value is not None]
    if len(known) < len(qualities):
        return None
    return _to_mos(float(np.sum(np.array(known) * weights) / np.sum(weights)))


def _flags(
    judged: Sequence[tuple[Window, Verdict]],
    windows: Sequence[WindowScore],
    meters: Meters,
    events: Sequence[Event],
) -> tuple[str, ...]:
    scores = [window.mos for window in windows if window.mos is not None]
    # A file of 10 s ends in some silence.
    whole = (EXCERPT_S - LEAST_REST_S) * meters.sample_rate_hz
    flags = {
        "looped": any(
            verdict.looped and w.stop_frame - w.start_frame < whole for w, verdict in judged
        ),
        "partly_scored": bool(scores) and len(scores) < len(windows),
        "mixed_windows": bool(scores) and max(scores) - min(scores) > MIXED_MOS,
        "clipped_input": any(event.kind == "clipping" for event in events),
        "not_finite": meters.n_not_finite > 0,
        "odd_level": (meters.true_peak_dbtp() or 0.0) > ODD_DBTP,
    }
    return tuple(name for name, is_set in flags.items() if is_set)
