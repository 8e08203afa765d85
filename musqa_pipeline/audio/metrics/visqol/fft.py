"""Real Fourier transforms: pocketfft's (numpy, SciPy), or FFTW's with the extra ``fftw``.

FFTW plans by estimate only: planning by measurement takes half a minute for some lengths here and
may choose another plan, and so other last digits, each time. `MUSQA_FFT` (``pocketfft`` or
``fftw``) overrides the choice.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from musqa_pipeline.core.errors import SettingsError

DType = Literal["float64", "float32"]
KEPT_PLANS = 16


@functools.cache
def fft_library() -> str:
    """Name the library in use, ``"fftw"`` or ``"pocketfft"``.

    `SettingsError` if `MUSQA_FFT` names something else, or FFTW without its extra.
    """
    wanted = os.environ.get("MUSQA_FFT", "")
    if wanted not in ("", "pocketfft", "fftw"):
        raise SettingsError(f"MUSQA_FFT={wanted!r}: expected pocketfft or fftw; change or unset it")
    if wanted == "pocketfft":
        return "pocketfft"
    try:
        import pyfftw  # noqa: F401
    except ImportError as error:
        if wanted == "fftw":
            raise SettingsError(
                "MUSQA_FFT=fftw needs the extra fftw: pip install 'musqa-pipeline[fftw]'"
            ) from error
        return "pocketfft"
    return "fftw"


def forward(n_rows: int, n_samples: int, dtype: DType = "float64") -> RealTransform:
    """Return the transform of `n_rows` rows of `n_samples` real samples to their spectra.

    Samples are `dtype`, and spectra of the same precision.
    """
    return _planned("forward", n_rows, n_samples, dtype)


def backward(n_rows: int, n_samples: int, dtype: DType = "float64") -> RealTransform:
    """Return the inverse of `forward`, scaled by 1 / n_samples."""
    return _planned("backward", n_rows, n_samples, dtype)


class RealTransform:
    """One transform of fixed shape with buffers of its own; not for two threads at a time.

    Write to `input`, call `run`, read what it returns before the next call.
    """

    def __init__(self, direction: str, n_rows: int, n_samples: int, dtype: DType) -> None:
        bins = n_samples // 2 + 1
        kind = "complex128" if dtype == "float64" else "complex64"
        ends = [((n_rows, n_samples), dtype), ((n_rows, bins), kind)]
        if direction == "backward":
            ends.reverse()
        zeros = _aligned_zeros if fft_library() == "fftw" else np.zeros
        self.input: NDArray[Any] = zeros(*ends[0])
        self.run: Callable[[], NDArray[Any]]
        if fft_library() == "fftw":
            self.run = _fftw_plan(self.input, zeros(*ends[1]), direction)
        elif direction == "forward" and dtype == "float32":
            # numpy's takes three times as long here.
            self.run = lambda: scipy.fft.rfft(self.input, axis=1, workers=1)
        else:
            # Into a buffer: fresh memory can cost more than the transform.
            out = zeros(*ends[1])
            if direction == "forward":
                self.run = lambda: np.fft.rfft(self.input, axis=1, out=out)
            else:
                self.run = lambda: np.fft.irfft(self.input, n=n_samples, axis=1, out=out)


def _aligned_zeros(shape: tuple[int, int], dtype: str) -> NDArray[Any]:
    import pyfftw

    zeros: NDArray[Any] = pyfftw.zeros_aligned(shape, dtype)
    return zeros


def _fftw_plan(
    source: NDArray[Any], target: NDArray[Any], direction: str
) -> Callable[[], NDArray[Any]]:
    import pyfftw

    plan: Callable[[], NDArray[Any]] = pyfftw.FFTW(
        source,
        target,
        axes=(1,),
        direction=f"FFTW_{direction.upper()}",
        flags=("FFTW_ESTIMATE",),
        threads=1,
    )
    return plan


@functools.lru_cache(maxsize=KEPT_PLANS)
def _planned(direction: str, n_rows: int, n_samples: int, dtype: DType) -> RealTransform:
    return RealTransform(direction, n_rows, n_samples, dtype)


def fast_length(n_samples: int) -> int:
    """Return the least length of at least `n_samples` that transforms fast."""
    return int(scipy.fft.next_fast_len(n_samples, real=True))
