"""An excerpt as it is and in five degradations, for a classifier that tells them apart.

Paper 004, 4.2.3, names the classes after Ragano et al. [1]_ and gives no strengths; ranges here are
ours: what a listener hears without trouble, up to strong. The degradations are those of
`processes.DEGRADATIONS`, whose own draws begin at what nobody hears.

References
----------
.. [1] A. Ragano, E. Benetos and A. Hines, "More for less: non-intrusive speech quality assessment
   with limited annotations", QoMEX 2021, arXiv:2108.08745.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.degradations import effects
from musqa_pipeline.audio.degradations.applied import between
from musqa_pipeline.audio.degradations.codecs import ADTS, MP2, MP3, OGG, OPUS, CodecParams
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.core.errors import UnfitInputError

CLEAN = "clean"
CLASSES = (CLEAN, "clip", "codec", "noise", "reverberation", "echo")
"""In the order of their numbers, from 0."""
CODECS = (MP2, MP3, ADTS, OGG, OPUS)
HIGHEST_KBPS = 64
"""For mono; 128 kbit/s of stereo, more or less."""
CLIP_DB = (-24.0, -12.0)
"""Threshold below the peak."""
SNR_DB = (5.0, 30.0)
ROOM_SIZES, DAMPINGS, ROOM_WET = (0.5, 0.95), (0.0, 1.0), (0.3, 0.7)
DELAYS_MS, FEEDBACKS, ECHO_WET = (100.0, 600.0), (0.2, 0.7), (0.25, 0.5)
"""Echoes that come sooner are a room's."""
Plan = Mapping[str, tuple[str, Any]]
"""Of each class but the first: key of `DEGRADATIONS`, and parameters."""


def draw_versions(rng: np.random.Generator) -> Plan:
    """Draw a strength for each degradation, all uniformly.

    A codec is one of five, at one of the bitrates that its encoder takes up to 64 kbit/s; noise is
    white or pink; ranges of the others are constants of this module.

    Parameters
    ----------
    rng : Generator
        Seeded from the excerpt.

    Returns
    -------
    mapping of str to (str, parameters)
        A degradation for each of `CLASSES` but the first; plain data.
    """
    codec = CODECS[int(rng.integers(len(CODECS)))]
    rates_kbps = [kbps for kbps in codec.steps_kbps if kbps <= HIGHEST_KBPS]
    coded = CodecParams(rates_kbps[int(rng.integers(len(rates_kbps)))])
    noise = ("white_noise", "pink_noise")[int(rng.integers(2))]
    noisy = effects.NoiseParams(between(rng, *SNR_DB), int(rng.integers(2**31)))
    room = effects.ReverbParams(*(between(rng, *r) for r in (ROOM_SIZES, DAMPINGS, ROOM_WET)))
    echo = effects.EchoParams(*(between(rng, *r) for r in (DELAYS_MS, FEEDBACKS, ECHO_WET)))
    return {
        "clip": ("clipping", effects.ClippingParams(between(rng, *CLIP_DB))),
        "codec": (codec.name, coded),
        "noise": (noise, noisy),
        "reverberation": ("reverb", room),
        "echo": ("echo", echo),
    }


def versions_of(excerpt: NDArray[np.float32], plan: Plan) -> NDArray[np.float32]:
    """Make the six versions of an excerpt, without chance.

    Parameters
    ----------
    excerpt : ndarray of float32, shape (480000,)
        Mono, 48 kHz; full scale is 1.
    plan : mapping
        As `draw_versions` draws it.

    Returns
    -------
    ndarray of float32, shape (6, 480000)
        In the order of `CLASSES` and in time with the excerpt, which comes first as it is. Levels
        are the degradations' own, and samples may pass full scale.

    Raises
    ------
    UnfitInputError
        If the excerpt is not mono or not as long.
    ToolError
        If ffmpeg is missing or fails.
    """
    if excerpt.shape != (EXCERPT_SAMPLES,):
        raise UnfitInputError(
            "not_an_excerpt",
            f"shape={excerpt.shape}, expected ({EXCERPT_SAMPLES},)",
            "cut 10 s of mono audio at 48 kHz",
        )
    clean = np.asarray(excerpt, np.float32)
    # Encoders swallow or damage the end of what they get.
    longer = np.pad(clean, (0, TAIL_SAMPLES), mode="reflect")
    applied = [
        DEGRADATIONS[plan[name][0]].apply(longer if name == "codec" else clean, plan[name][1])
        for name in CLASSES
        if name != CLEAN
    ]
    return np.stack([clean, *degraded_audio([asdict(each) for each in applied])])


def six_versions(excerpt: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw strengths and make the six versions: `versions_of` of what `draw_versions` draws."""
    return versions_of(excerpt, draw_versions(rng))
