"""visqol-python as an oracle: as it is, or with the envelope of Google's C++.

The C++ calls its envelope an analytic magnitude, but its inverse transform returns a real signal,
so that it amounts to ``|2 (x - mean)| + mean``. visqol-python takes the true magnitude. Both the
global and the fine alignment look the function up in `visqol.alignment`, where it is replaced.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numba
import numpy as np
import visqol.alignment
import visqol.visqol_manager
from visqol.api import VisqolApi

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ


@dataclass(frozen=True)
class OraclePatch:
    """Times in samples: sums of fractions of a second that are whole samples up to rounding."""

    reference_start: int
    reference_end: int
    degraded_start: int
    degraded_end: int
    similarity: float


@dataclass(frozen=True, eq=False)
class OracleScore:
    """What visqol-python says."""

    mos: float
    vnsim: float
    fvnsim: np.ndarray
    lag_samples: int
    """Delay of the degraded signal, positive if it is late; visqol-python's sign is the other."""
    patches: tuple[OraclePatch, ...]


def rectified_envelope(x):
    mean = np.mean(x)
    return np.abs(2.0 * (x - mean)) + mean


class Oracle:
    """visqol-python in audio mode, on one thread."""

    def __init__(self, *, rectified: bool = True) -> None:
        self._api = VisqolApi()
        self._api.create(mode="audio")
        self._rectified = rectified

    def score(self, reference: np.ndarray, degraded: np.ndarray) -> OracleScore:
        """Score a pair; raises ValueError where visqol-python does."""
        leads = []

        def recording(*signals):
            aligned, lead_s = align(*signals)
            leads.append(round(lead_s * SAMPLE_RATE_HZ))
            return aligned, lead_s

        align = visqol.visqol_manager.globally_align
        n_threads = numba.get_num_threads()
        with contextlib.ExitStack() as stack:
            numba.set_num_threads(1)
            stack.callback(numba.set_num_threads, n_threads)
            _replace(stack, visqol.visqol_manager, "globally_align", recording)
            if self._rectified:
                _replace(stack, visqol.alignment, "upper_envelope", rectified_envelope)
            result = self._api.measure_from_arrays(reference, degraded, SAMPLE_RATE_HZ)
        (lead,) = leads
        return OracleScore(
            mos=float(result.moslqo),
            vnsim=float(result.vnsim),
            fvnsim=np.asarray(result.fvnsim),
            lag_samples=-lead,
            patches=tuple(
                OraclePatch(
                    *(
                        round(seconds * SAMPLE_RATE_HZ)
                        for seconds in (
                            p.ref_patch_start_time,
                            p.ref_patch_end_time,
                            p.deg_patch_start_time,
                            p.deg_patch_end_time,
                        )
                    ),
                    float(p.similarity),
                )
                for p in result.patch_sims
            ),
        )


def _replace(stack: contextlib.ExitStack, module, name: str, value) -> None:
    stack.callback(setattr, module, name, getattr(module, name))
    setattr(module, name, value)
