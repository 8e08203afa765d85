"""The likeliest cause of a low score: the kind of event that would cost most on ViSQOL's scale.

A score is predicted ViSQOL, so what ViSQOL hardly hears is no cause of a low one, however much it
annoys: a click costs less than a twentieth, and a narrow stereo image nothing, since the mix to
mono is what is scored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musqa_pipeline.audio.metrics.ceiling import IDENTITY_MOS, LOWPASS_MOS
from musqa_pipeline.scoring.score import Event
from musqa_pipeline.scoring.words import WORDS

COST_MOS: dict[str, dict[float, float]] = {
    "band_edge": {hz: IDENTITY_MOS - mos for hz, mos in LOWPASS_MOS.items()},
    "clipping": {0.0: 0.0, 0.03: 0.06, 0.08: 0.3, 0.3: 1.0},
    "click": {0.0: 0.0, 1.0: 0.03, 6.0: 0.25, 40.0: 0.7},
    "dropout": {0.0: 0.0, 0.1: 0.1, 0.8: 0.23, 4.0: 1.6},
    "hum": {-30.0: 0.01, -20.0: 0.03, -10.0: 0.06, 0.0: 0.2},
    "noise": {17.0: 2.5, 30.0: 2.0, 45.0: 1.0},
    "mono_collapse": {0.0: 0.0, 10.0: 1.3},
    "holes": {0.0: 0.35},
    "pre_echo": {0.0: 0.3},
}
"""What a fault costs by its amount. Holes and pre-echo: median of what codecs (five kinds, 16 to
192 kbit/s, five recordings) cost beyond their band edge where the detector found them, whatever
their strength. The others: medians of four full-band recordings, faults planted as the tests of the
detectors do (`tests/scoring/detectors/faults.py`). All scored by ViSQOL against the clean
recording. The amount is the strength of the event; of clicks their number in 10 s, of dropouts the
seconds lost in 10 s."""
LEAST_FRAC = 0.25
"""A cause explains at least this part of what a score lacks."""


def cost_mos(event: Event, duration_s: float) -> float:
    """Estimate what an event costs a recording, in MOS-LQO; less for what takes a part of it."""
    table = COST_MOS.get(event.kind, {0.0: 0.0})
    whole_s = max(duration_s, 1e-3)
    part = min(1.0, max(0.0, event.stop_s - event.start_s) / whole_s)
    amount = event.strength
    if event.kind in ("click", "dropout"):
        amount, part = amount * 10.0 / whole_s, 1.0
        if event.kind == "dropout":
            amount *= float(event.details.get("longest_ms", 5.0)) / 1_000
    return part * float(np.interp(amount, list(table), list(table.values())))


def cause_of(events: Sequence[Event], mos: float | None, duration_s: float) -> str:
    """Name the likeliest cause of a low score, the text of the costliest event of its kind.

    It is empty if the kind that costs most explains too little of what the score lacks, without a
    score, and for a score that calls for no explanation.
    """
    if mos is None or mos >= WORDS[0].from_mos:
        return ""
    by_kind: dict[str, list[tuple[float, str]]] = {}
    for event in events:
        by_kind.setdefault(event.kind, []).append((cost_mos(event, duration_s), event.text))
    totals = {kind: sum(cost for cost, _ in found) for kind, found in by_kind.items()}
    worst = max(totals, key=lambda kind: totals[kind], default="")
    if not worst or totals[worst] < LEAST_FRAC * (IDENTITY_MOS - mos):
        return ""
    return max(by_kind[worst], key=lambda found: found[0])[1]
