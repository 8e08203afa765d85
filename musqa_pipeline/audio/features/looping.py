"""Ten seconds from whatever there is: shorter signals are repeated, longer ones refused.

Silence is never added: a run of zeros would tell a network how long a file was. Nor do repeats
follow each other by a jump, which is a click in every band up to 24 kHz, and music that ends at
3 kHz has nothing there to hide it: the end of one fades into the start of the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.core.errors import UnfitInputError

SEAM_S = 0.1
"""Longest time in which a repeat fades into the next; a quarter of what is shorter than 0.4 s."""


def loop_to_excerpt(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """Repeat a signal from its start until it lasts 10 s, and tell whether it was shorter.

    The last `SEAM_S` of each repeat fade into the first of the next, with equal power.

    Parameters
    ----------
    samples : ndarray of float, shape (samples,)
        Mono at 48 kHz, at most 10 s.

    Returns
    -------
    excerpt : ndarray of float32, shape (480000,)
    looped : bool

    Raises
    ------
    UnfitInputError
        If it is empty, not mono, longer than 10 s or not finite.
    """
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1:
        raise UnfitInputError("not_mono", f"shape={samples.shape}", "mix it to one channel first")
    if len(samples) == 0:
        raise UnfitInputError("empty", "0 samples", "give it at least one frame of audio")
    if len(samples) > EXCERPT_SAMPLES:
        raise UnfitInputError(
            "too_long",
            f"{len(samples) / SAMPLE_RATE_HZ:.3f} s, expected at most 10 s",
            "cut it into pieces of 10 s first",
        )
    if not np.isfinite(samples).all():
        n_bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise UnfitInputError(
            "not_finite", f"{n_bad} samples are NaN or infinite", "repair or decode it again"
        )
    looped = len(samples) < EXCERPT_SAMPLES
    return (_repeated(samples) if looped else samples), looped


def _repeated(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    n_seam = min(round(SEAM_S * SAMPLE_RATE_HZ), len(samples) // 4)
    way = (np.arange(n_seam, dtype=np.float32) + np.float32(0.5)) / np.float32(max(n_seam, 1))
    half_pi = np.float32(np.pi / 2)
    angle = half_pi * np.sin(half_pi * way) ** 2  # flat at both ends: a kink would be a click too
    period = samples[: len(samples) - n_seam].copy()  # from its second time on, it begins faded in
    period[:n_seam] = np.sin(angle) * samples[:n_seam]
    period[:n_seam] += np.cos(angle) * samples[len(samples) - n_seam :]
    excerpt = np.resize(period, EXCERPT_SAMPLES)
    excerpt[:n_seam] = samples[:n_seam]
    return excerpt
