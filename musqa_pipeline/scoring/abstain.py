"""When the scorer gives no number, and what it says then."""

from __future__ import annotations

import math

from musqa_pipeline.scoring.windows import SHORTEST_S

SILENCE, SHORT, SPEECH, UNFAMILIAR = "silence", "short", "speech", "unfamiliar"
FARTHEST = 1.0
"""Distances above are outside what the model learned from."""
LEAST_SPEECH = 0.5
"""Probability from which a window is taken for speech."""
LEAST_SCORED_FRAC = 0.5
"""If less of the sound lies in windows or excerpts with a score, the recording has none."""
CANCELLED_BELOW_DB = 40.0
"""A mono mix so far below its channels is what is left after they cancelled each other."""


def silence_reason(*, cancelled: bool) -> str:
    """Return why a silent recording has no score; `cancelled` if only the mix of it is silent."""
    if cancelled:
        return (
            "the channels cancel each other when they are mixed to mono, which is what the scorer "
            "hears; check the polarity of one of them"
        )
    return "there is nothing to hear (all is below -70 LUFS); check that it is the right file"


def short_reason(sound_s: float) -> str:
    """Return why a recording has no score whose longest run of sound is too short."""
    return f"only {sound_s:.1f} s of sound; the scorer needs {SHORTEST_S:g} s, better 10"


def speech_reason(probability: float) -> str:
    """Return why a recording of speech has no score; `probability` is that it is speech."""
    return (
        f"it sounds like speech (probability {probability:.2f}), and the model knows music only; "
        "use a measure made for speech"
    )


def unfamiliar_reason(distance: float) -> str:
    """Return why a recording has no score whose distance from the training data is too large."""
    shown = math.ceil(100 * distance - 1e-3) / 100  # rounded up, as 1.00 would be within the limit
    return (
        f"it is unlike all music that the model learned from (distance {shown:.2f}, limit "
        f"{FARTHEST:g}), so a number would mean nothing; listen to it"
    )
