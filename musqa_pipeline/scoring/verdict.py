"""The verdict on one window: a quality with its interval, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.scoring.abstain import FARTHEST, LEAST_SPEECH, SILENCE, SPEECH, UNFAMILIAR
from musqa_pipeline.scoring.images import to_excerpt, to_image
from musqa_pipeline.scoring.intervals import Bounds, bounds
from musqa_pipeline.scoring.model_file import ModelFile


@dataclass(frozen=True)
class Verdict:
    """What is said of one window."""

    bounds: Bounds | None = None
    """Quality, (MOS-LQO - 1) / 4; None where there is no score."""
    abstained: str = ""
    """Why there is no score, in one word."""
    looped: bool = False
    """Whether it was repeated to 10 s."""
    distance: float = 0.0
    speech: float = 0.0


def judge(
    model: ModelFile, mono: NDArray[np.float32], sample_rate_hz: int, *, margin_frames: int = 0
) -> Verdict:
    """Judge a window; see `Scorer.judge`.

    The verdict has `abstained` if it is silent, speech, or unlike what the model learned from.
    """
    excerpt, looped = to_excerpt(mono, sample_rate_hz, margin_frames=margin_frames)
    image = to_image(excerpt)
    if image is None:
        return Verdict(abstained=SILENCE, looped=looped)
    speech = _speech(excerpt)
    answer = model.answer(image)
    if speech >= LEAST_SPEECH:
        abstained = SPEECH
    elif answer.distance > FARTHEST:
        abstained = UNFAMILIAR
    else:
        abstained = ""
    found = None
    if not abstained:
        found = bounds(answer.probability, model.step_quality, answer.distance, model.calibration)
    return Verdict(found, abstained, looped, answer.distance, speech)


def _speech(excerpt: NDArray[np.float32]) -> float:
    from musqa_pipeline.scoring.speech import speech_probability

    return float(speech_probability(excerpt, SAMPLE_RATE_HZ))
