"""The likeliest cause of a low score, and the sentence on a file: what is heard of it, and why.

The cause is the kind of event that would cost most on ViSQOL's scale.

A score is predicted ViSQOL, so what ViSQOL hardly hears is no cause of a low one, however much it
annoys: a click costs less than a twentieth, and a narrow stereo image nothing, since the mix to
mono is what is scored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musqa_pipeline.audio.metrics.ceiling import IDENTITY_MOS, LOWPASS_MOS
from musqa_pipeline.scoring.alternatives import told_of_both
from musqa_pipeline.scoring.score import Alternative, Event, Origin
from musqa_pipeline.scoring.words import WORDS, degree_of

COST_MOS: dict[str, dict[float, float]] = {
    "band_edge": {hz: IDENTITY_MOS - mos for hz, mos in LOWPASS_MOS.items()},
    "clipping": {
        0.0: 0.0, 0.0037: 0.03, 0.017: 0.21, 0.036: 0.44, 0.077: 0.75, 0.12: 0.82, 0.21: 1.09,
        0.32: 1.21,
    },
    "click": {0.0: 0.0, 1.0: 0.03, 6.0: 0.25, 40.0: 0.7},
    "dropout": {0.0: 0.0, 0.1: 0.1, 0.8: 0.23, 4.0: 1.6},
    "hum": {-30.0: 0.01, -20.0: 0.03, -10.0: 0.06, 0.0: 0.2},
    "noise": {17.4: 2.83, 27.6: 2.2, 37.8: 1.55, 47.4: 1.09},
    "mono_collapse": {0.0: 0.0, 10.0: 1.3},
    "holes": {0.0: 0.35},
    "pre_echo": {0.0: 0.3},
}  # fmt: skip
"""What a fault costs by its amount. Holes and pre-echo: median of what codecs (five kinds, 16 to
192 kbit/s, five recordings) cost beyond their band edge where the detector found them, whatever
their strength. Clipping, also that of a limiter, and noise: medians of thirteen recordings by what
the detector found (`benchmarks/cause_costs.py`). The others: medians of four full-band recordings,
faults planted as the tests of the detectors do (`tests/scoring/detectors/faults.py`). All scored by
ViSQOL against the clean recording. The amount is the strength of the event; of clicks their number
in 10 s, of dropouts the seconds lost in 10 s."""
CLIPPED_FRAC = 0.05
"""Where so many samples are clipped, noise is no cause beside: what is quiet has been lifted
against the sound, and the detector of noise finds it nearer than it was."""
LEAST_FRAC = 0.25
"""A cause explains at least this part of what a score lacks."""
LEAST_MOS = 0.1
"""What is estimated to cost less is no part of the sentence on a file."""
NEARLY_WHOLE_FRAC = 0.9
"""What lasts so much of a recording is said of all of it; of the rest, from when to when."""
SAME_EDGE_HZ = 800.0
"""Edges no further apart are one, as for the detector that joins them."""
FOUND = ". Found: "
"""Between why there is no score and what was found all the same."""
MOMENTS = ("click", "dropout")
"""Kinds whose events are moments, and no states that last."""
EFFECTS = {
    "band_edge": "loss of treble",
    "clipping": "distortion",
    "click": "clicking",
    "dropout": "interruptions",
    "hum": "hum",
    "noise": "noise",
    "mono_collapse": "loss where the channels cancel each other",
    "holes": "damage by coding",
    "pre_echo": "smearing of attacks",
}
"""What is heard of each kind of event."""


def cost_mos(event: Event, duration_s: float) -> float:
    """Estimate what an event costs a recording, in MOS-LQO; less for what takes a part of it."""
    table = COST_MOS.get(event.kind, {0.0: 0.0})
    whole_s = max(duration_s, 1e-3)
    part = min(1.0, max(0.0, event.stop_s - event.start_s) / whole_s)
    amount = event.strength
    if event.kind in MOMENTS:
        amount, part = amount * 10.0 / whole_s, 1.0
        if event.kind == "dropout":
            amount *= float(event.details.get("longest_ms", 5.0)) / 1_000
    return part * float(np.interp(amount, list(table), list(table.values())))


def known_edges(events: Sequence[Event], origin: Origin | None) -> tuple[Event, ...]:
    """Return the events, where a frame grid names the codec without guesses at it from edges."""
    if origin is None or not origin.codec:
        return tuple(events)
    from musqa_pipeline.scoring.origin.verdict import LOSSY_FILE

    if origin.verdict == LOSSY_FILE:  # its edge may be that of a file before it
        return tuple(events)
    return tuple(
        replace(e, text=e.text.partition(";")[0].partition(":")[0])
        if e.kind == "band_edge" and "sample_rate_hz" not in e.details
        else e
        for e in events
    )


@dataclass(frozen=True)
class Heard:
    """What was heard of a recording: all that was found in it, and its length."""

    events: Sequence[Event]
    duration_s: float

    def text_of(self, event: Event) -> str:
        """Return the text of an event, with its span unless all that was heard is like it."""
        if event.kind in MOMENTS or self._lasts_s(event) >= NEARLY_WHOLE_FRAC * self.duration_s:
            return event.text
        start_s, stop_s = math.floor(event.start_s), math.ceil(event.stop_s)
        return f"from {_clock(start_s)} to {_clock(stop_s)} {event.text}"

    def _lasts_s(self, event: Event) -> float:
        """Return how much is like an event: of its kind, and of an edge as low."""
        highest = event.strength + SAME_EDGE_HZ if event.kind == "band_edge" else math.inf
        return sum(
            e.stop_s - e.start_s
            for e in self.events
            if e.kind == event.kind and e.strength <= highest
        )


def _clock(whole_s: int) -> str:
    minutes, seconds = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


@dataclass(frozen=True)
class _Kind:
    """All events of a kind."""

    cost_mos: float
    worst: Event
    count: int

    def told(self, heard: Heard) -> str:
        """Say what is said of them behind a colon, and therefore without one."""
        text = heard.text_of(self.worst).replace(
            ": ", ", ", 1
        )  # a time has no space behind its own
        return f"{text}, and {self.count - 1} more" if self.is_counted else text

    @property
    def is_counted(self) -> bool:
        """Whether each is one of many moments, and not a state that lasts."""
        return self.worst.kind in MOMENTS and self.count > 1


def _by_cost(events: Sequence[Event], duration_s: float) -> list[_Kind]:
    """Return the kinds of events there are, the costliest first."""
    by_kind: dict[str, list[tuple[float, Event]]] = {}
    clipped = any(e.kind == "clipping" and e.strength >= CLIPPED_FRAC for e in events)
    for event in events:
        if not (clipped and event.kind == "noise"):
            by_kind.setdefault(event.kind, []).append((cost_mos(event, duration_s), event))
    kinds = [
        _Kind(sum(cost for cost, _ in found), max(found, key=lambda pair: pair[0])[1], len(found))
        for found in by_kind.values()
    ]
    return sorted(kinds, key=lambda kind: -kind.cost_mos)


def _cause(events: Sequence[Event], mos: float | None, duration_s: float) -> Event | None:
    if mos is None or mos >= WORDS[0].from_mos:
        return None
    kinds = _by_cost(events, duration_s)
    explains = kinds and kinds[0].cost_mos >= LEAST_FRAC * (IDENTITY_MOS - mos)
    return kinds[0].worst if explains else None


def cause_of(
    events: Sequence[Event], mos: float | None, duration_s: float, heard: Heard | None = None
) -> str:
    """Name the likeliest cause of a low score: the text of the costliest event, with its span.

    It is empty if the kind that costs most explains too little of what the score lacks, without a
    score, and for a score that calls for no explanation. The span is left out where nearly all of
    the recording is like it, or of what was `heard` of it where the events are of one part.
    """
    event = _cause(events, mos, duration_s)
    return "" if event is None else (heard or Heard(events, duration_s)).text_of(event)


def reason_with(reason: str, events: Sequence[Event], duration_s: float) -> str:
    """Add what was found to why a recording has no score; what was added before is replaced."""
    plain = _worth_telling(_by_cost(events, duration_s), Heard(events, duration_s))
    bare = reason.partition(FOUND)[0]
    return f"{bare}{FOUND}{'; '.join(plain)}" if plain else bare


def _worth_telling(kinds: Sequence[_Kind], heard: Heard) -> list[str]:
    """Tell the kinds that cost something; the costliest is better than nothing."""
    costly = [kind for kind in kinds if kind.cost_mos >= LEAST_MOS]
    return [kind.told(heard) for kind in costly or kinds[:1] if kind.cost_mos > 0]


def sentence_of(
    events: Sequence[Event],
    mos: float | None,
    low: float | None,
    high: float | None,
    duration_s: float,
    *,
    detected: bool,
    alternatives: Sequence[Alternative] = (),
    heard: Heard | None = None,
) -> str:
    """Say what is heard of a recording, how much, and why, in a few plain sentences.

    Parameters
    ----------
    events : sequence of Event
        What was found.
    mos, low, high : float or None
        The score and the ends of its interval.
    duration_s : float
        Of the recording.
    detected : bool
        Whether events were looked for.
    alternatives : sequence of Alternative
        Two answers that both fit; told where no cause decides between them.
    heard : Heard, optional
        All that was heard of the recording, where the events are those of one part of it.

    Returns
    -------
    str
        Such as "Clear loss of treble. Nothing above 11.2 kHz; …": the degree follows the interval,
        the effect the cause, which is told with its span where it takes only a part. What was found
        and does not explain the score is told as such; empty without a score.
    """
    if mos is None:
        return ""
    heard = heard or Heard(events, duration_s)
    cause = _cause(events, mos, duration_s)
    if cause is not None:
        text = heard.text_of(cause)
        text = text[:1].upper() + text[1:]
        return f"{degree_of(mos, low, high).capitalize()} {EFFECTS[cause.kind]}. {text}."
    told = plain_sentence(mos, low, high)
    kinds = _by_cost(events, duration_s)
    if mos >= WORDS[0].from_mos:
        plain = [kind.told(heard) for kind in kinds if kind.cost_mos >= LEAST_MOS]
        return f"{told} Found all the same: {'; '.join(plain)}." if plain else told
    if alternatives:
        told = f"{told} {told_of_both(alternatives)}"
    if plain := _worth_telling(kinds, heard):
        return f"{told} What was found explains only a part: {'; '.join(plain)}."
    if alternatives or not detected:
        return told
    return f"{told} None of the faults that are looked for was found."


def plain_sentence(mos: float, low: float | None, high: float | None) -> str:
    """Say how much a recording differs from its original, and nothing of why."""
    return f"{degree_of(mos, low, high).capitalize()} differences from a clean original."
