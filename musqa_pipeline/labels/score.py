"""What a full-reference metric says about one degraded excerpt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Score:
    """One score with what led to it."""

    mos: float
    """MOS-LQO, 1 to about 4.73."""
    vnsim: float
    """Similarity averaged over bands, 0 to 1."""
    fvnsim: NDArray[np.float64]
    """Shape (bands,): similarity of each band, low to high."""
    lag_samples: int
    """Delay of the degraded signal that the metric found and undid; positive if it is late."""


class Metric(Protocol):
    """A full-reference metric, bound to one reference; the registry is `metrics.METRICS`."""

    version: str
    """Program and version, for the record."""

    def __init__(self, reference: NDArray[np.float32]) -> None:
        """Take the reference, of shape (samples,), mono, 48 kHz."""

    def score(self, degraded: NDArray[np.float32]) -> Score:
        """Score a degraded version of the reference.

        Parameters
        ----------
        degraded : ndarray of float32, shape (samples,)
            Mono, 48 kHz; may pass full scale.

        Returns
        -------
        Score
            The same for the same samples, on one thread or many.
        """
        ...
