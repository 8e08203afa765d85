"""The verdict on one window: a quality with its interval, or why there is none.

The model sees an image of 10 s, mono, 48 kHz, -23 LUFS, in bands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.scoring.abstain import FARTHEST, LEAST_SPEECH, SILENCE, SPEECH, UNFAMILIAR
from musqa_pipeline.scoring.alternatives import alternatives
from musqa_pipeline.scoring.intervals import Bounds, bounds
from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.scoring.score import Alternative

SILENT_LUFS = -70.0


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
    alternatives: tuple[Alternative, ...] = ()
    """Two answers that both fit, or none."""


def judge(
    model: ModelFile, mono: NDArray[np.float32], sample_rate_hz: int, *, margin_frames: int = 0
) -> Verdict:
    """Judge a window; see `Scorer.judge`.

    The verdict has `abstained` if it is silent, speech, or unlike what the model learned from.
    """
    from musqa_pipeline.scoring.speech import speech_probability

    excerpt, looped = to_excerpt(mono, sample_rate_hz, margin_frames=margin_frames)
    image = to_image(excerpt)
    if image is None:
        return Verdict(abstained=SILENCE, looped=looped)
    speech = speech_probability(excerpt, SAMPLE_RATE_HZ)
    answer = model.answer(image)
    if speech >= LEAST_SPEECH:
        abstained = SPEECH
    elif answer.distance > FARTHEST:
        abstained = UNFAMILIAR
    else:
        abstained = ""
    if abstained:
        return Verdict(None, abstained, looped, answer.distance, speech)
    found = bounds(answer.probability, model.step_quality, answer.distance, model.calibration)
    both = alternatives(answer.probability, model.step_quality, image)
    return Verdict(found, "", looped, answer.distance, speech, both)


def to_excerpt(
    mono: NDArray[np.float32], sample_rate_hz: int, *, margin_frames: int = 0
) -> tuple[NDArray[np.float32], bool]:
    """Resample a window to 48 kHz, and repeat it to 10 s if it is shorter.

    `mono`, float32 (frames,), is finite; `margin_frames` before and after it are cut off again
    after resampling. Return the excerpt, float32 (480000,), at the window's own level, and whether
    the window was shorter.
    """
    n = len(mono) - 2 * margin_frames
    if sample_rate_hz == SAMPLE_RATE_HZ:
        return loop_to_excerpt(mono[margin_frames : margin_frames + n])
    import soxr

    resampled = soxr.resample(mono, sample_rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    first = margin_frames * SAMPLE_RATE_HZ // sample_rate_hz
    length = max(1, round(n * SAMPLE_RATE_HZ / sample_rate_hz))
    return loop_to_excerpt(resampled[first : first + length])


def to_image(excerpt: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Level an excerpt, float32 (480000,), and analyse it: uint8 (31, 1024), or None for silence.

    Silent is what lies below the absolute gate of BS.1770. Loudness is measured on a copy whose RMS
    stands at the target, so that this gate lies as far below the sound as it did for the excerpts
    of the training, whatever the gain of the recording.
    """
    from musqa_pipeline.audio.features.bands import TARGET_LUFS, band_image
    from musqa_pipeline.audio.measures.loudness import gain_to_target_db, integrated_lufs

    x = excerpt.astype(np.float64)
    peak = float(np.abs(x).max())
    if peak == 0.0:
        return None
    x /= peak  # first, so that no square is too large or too small for a float
    gain = 10 ** (TARGET_LUFS / 20) / math.sqrt(float(np.sum(x * x)) / EXCERPT_SAMPLES)
    x *= gain
    lufs = integrated_lufs(x)
    if not lufs - 20 * math.log10(gain / peak) > SILENT_LUFS:  # -inf too
        return None
    x *= 10 ** (gain_to_target_db(lufs, TARGET_LUFS) / 20)
    return band_image(x)
