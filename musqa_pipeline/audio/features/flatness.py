"""Spectral flatness: how much a spectrum is like that of noise, as paper 000 has it."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

N_FFT, HOP_SAMPLES = 2_048, 512
POWER_FLOOR = 1e-10
"""Least power of a bin before the logarithm, librosa's `amin`."""


def spectral_flatness(samples: NDArray[np.floating]) -> float:
    """Average the flatness of all frames and channels.

    That of a frame is the geometric mean of its power spectrum over the arithmetic one. Windows are
    Hann's and frames centred, with zeros beyond the ends, as in librosa.

    Parameters
    ----------
    samples : ndarray of float, shape (n,) or (n, channels)
        At least one sample; full scale is 1.0.

    Returns
    -------
    float
        0 (a tone) to 1 (a click, silence); about 0.56 for white noise.
    """
    channels = np.asarray(samples, np.float64).reshape(len(samples), -1).T
    padded = np.pad(channels, ((0, 0), (N_FFT // 2, N_FFT // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=1)[:, ::HOP_SAMPLES]
    window = scipy.signal.get_window("hann", N_FFT)
    found = [_flatness(np.abs(scipy.fft.rfft(channel * window, axis=1)) ** 2) for channel in frames]
    return float(np.mean(found))


def _flatness(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the flatness of each frame; power has shape (frames, bins)."""
    power = np.maximum(power, POWER_FLOOR)
    flatness: NDArray[np.float64] = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    return flatness
