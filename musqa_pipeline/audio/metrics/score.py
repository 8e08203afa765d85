"""What full-reference metrics say about one degraded excerpt: the label's, and a second opinion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class MetricScore(Protocol):
    """One score with what led to it."""

    @property
    def mos(self) -> float:
        """MOS-LQO, 1 to about 4.73."""

    @property
    def vnsim(self) -> float:
        """Similarity averaged over bands, 0 to 1."""

    @property
    def fvnsim(self) -> NDArray[np.float64]:
        """Shape (bands,): similarity of each band, low to high."""

    @property
    def lag_samples(self) -> int:
        """Delay of the degraded signal that was found and undone; positive if it is late."""


@dataclass(frozen=True)
class SecondScore:
    """What another metric says of the same pair."""

    mos: float
    """Its MOS, 1 to 5; its scale is its own and not that of the label."""
    distance: float
    """What its MOS is a function of: 0 for identical signals, and growing with the damage."""


class Metric(Protocol):
    """A metric that gives labels, bound to one reference; the registry is `metrics.METRICS`."""

    version: str
    """Program and version, for the record."""

    def __init__(self, reference: NDArray[np.float32], /) -> None:
        """Take the reference, of shape (samples,), mono, 48 kHz."""

    def score(self, degraded: NDArray[np.float32], /) -> MetricScore:
        """Score a degraded version of the reference, mono, 48 kHz, which may pass full scale.

        The score is the same for the same samples, on one thread or many.
        """
        ...

    def score_batch(self, degraded: Iterable[NDArray[np.float32]], /) -> Sequence[MetricScore]:
        """Score several degraded versions, in their order; equal to `score` of each."""
        ...


class SecondMetric(Protocol):
    """A second opinion, bound to one reference; the registry is `metrics.SECOND_OPINIONS`."""

    version: str
    """Program and version, for the record."""

    @staticmethod
    def require() -> None:
        """Raise `ToolError` unless the package that it needs is installed."""

    def __init__(self, reference: NDArray[np.float32], /) -> None:
        """Take the reference, of shape (samples,), mono, 48 kHz."""

    def score(self, degraded: NDArray[np.float32], /) -> SecondScore:
        """Score a degraded version, mono, 48 kHz, aligned with the reference.

        It may pass full scale. The score is the same for the same samples, on one thread or many.
        """
        ...
