"""The likeliest cause of a low score: the event that would cost most on ViSQOL's scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from musqa_pipeline.scoring.score import Event
from musqa_pipeline.scoring.words import WORDS
from musqa_pipeline.tracks.ceiling import IDENTITY_MOS, LOWPASS_MOS

TYPICAL_COST_MOS = {
    "holes": 1.0,
    "pre_echo": 0.7,
    "clipping": 0.6,
    "noise": 0.5,
    "dropout": 0.4,
    "hum": 0.3,
    "mono_collapse": 0.2,
    "click": 0.1,
}
"""Order of the kinds that have no figure of their own: what codecs do before what a recording has,
since the score is trained on the former."""


def cost_mos(event: Event, duration_s: float) -> float:
    """Estimate what an event costs a recording.

    Parameters
    ----------
    event : Event
        Of a detector.
    duration_s : float
        Of the recording.

    Returns
    -------
    float
        In MOS-LQO; a band edge as measured by cut-off (`tracks/ceiling.py`), other kinds by rank,
        both by the part of the recording that they take.
    """
    part = min(1.0, max(0.0, event.stop_s - event.start_s) / max(duration_s, 1e-9))
    if event.kind == "band_edge":
        at = float(np.interp(event.strength, list(LOWPASS_MOS), list(LOWPASS_MOS.values())))
        return (IDENTITY_MOS - at) * part
    return TYPICAL_COST_MOS.get(event.kind, 0.1) * part


def cause_of(events: Sequence[Event], mos: float | None, duration_s: float) -> str:
    """Name the likeliest cause of a low score.

    Parameters
    ----------
    events : sequence of Event
        Of the whole recording.
    mos : float or None
        Its score.
    duration_s : float
        Its length.

    Returns
    -------
    str
        The text of the costliest event; empty without events, without a score, and for a score
        that calls for no explanation.
    """
    if mos is None or mos >= WORDS[0].from_mos or not events:
        return ""
    return max(events, key=lambda event: cost_mos(event, duration_s)).text
