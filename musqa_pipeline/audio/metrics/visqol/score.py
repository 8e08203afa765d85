"""What the engine returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PatchSimilarity:
    """How like the reference one patch of 0.6 s is, and where its counterpart was found."""

    similarity: float
    """NSIM averaged over bands and frames; 0 for a patch that was lost."""
    reference_start_s: float
    reference_end_s: float
    degraded_start_s: float
    """In the degraded signal after its global delay is undone; 0 like its end if lost."""
    degraded_end_s: float


@dataclass(frozen=True, eq=False)
class VisqolScore:
    """One score with what led to it."""

    mos: float
    """MOS-LQO, 1 to about 4.73."""
    vnsim: float
    """Similarity averaged over bands."""
    fvnsim: NDArray[np.float64]
    """Shape (32,): similarity of each band, low to high, averaged over patches."""
    lag_samples: int
    """Delay of the degraded signal that was found and undone; positive if it is late."""
    patches: tuple[PatchSimilarity, ...]
    """In the order of the reference."""
