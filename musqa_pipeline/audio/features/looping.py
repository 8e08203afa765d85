"""Ten seconds from whatever there is: shorter signals are repeated, longer ones refused.

Silence is never added: a run of zeros would tell a network how long a file was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.core.errors import UnfitInputError


def loop_to_excerpt(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """Repeat a signal from its start until it lasts 10 s, and tell whether it was shorter.

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
    return (np.resize(samples, EXCERPT_SAMPLES) if looped else samples), looped
