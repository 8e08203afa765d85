"""What no second opinion can be given on: too short, silent or not finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.core.errors import UnfitInputError


def check_reference(reference: NDArray[np.float32], *, shortest_s: float, who: str) -> None:
    """Refuse a reference, mono at 48 kHz, that a metric cannot take.

    Raises
    ------
    UnfitInputError
        If it is shorter than `shortest_s`, not finite, or silent; `who` needs the length.
    """
    if len(reference) < shortest_s * SAMPLE_RATE_HZ:
        raise UnfitInputError(
            "too_short",
            f"the reference lasts {len(reference) / SAMPLE_RATE_HZ:.2f} s, {who} needs "
            f"{shortest_s:g} s",
            "take a longer one",
        )
    check_finite(reference, "reference")
    if not reference.any():
        raise UnfitInputError(
            "silent", "every sample of the reference is zero", "take one that sounds"
        )


def check_finite(samples: NDArray[np.float32], what: str) -> None:
    """Refuse samples of `what` that are NaN or infinite with an `UnfitInputError`."""
    n_bad = int(np.count_nonzero(~np.isfinite(samples)))
    if n_bad:
        raise UnfitInputError(
            "not_finite",
            f"{n_bad} samples of the {what} are NaN or infinite",
            "write the file again with finite samples",
        )
