"""Back from a mel image to sound: power of bins by least squares, phases by Griffin and Lim.

Both are lossy: neighbouring bins share a band, and phases are found that agree with overlapping
windows, not those that were. Importing this module imports torch. Array names end in axis letters:
F bin or band, T frame.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.filterbank import mel_filters
from musqa_pipeline.core.settings.dataset import SpectrogramsSettings

N_NNLS = 30
"""Steps of the least squares. They left 0.004 % of the power of music at most, of tones 0.3 %."""
N_GRIFFIN_LIM = 32
MOMENTUM = 0.99
"""Of the phases ([2]_ of `griffin_lim`)."""


def spectrum_of_mel(
    power_ft: NDArray[np.floating], settings: SpectrogramsSettings, *, n_iterations: int = N_NNLS
) -> NDArray[np.float64]:
    """Find the power of bins, 0 or more, whose mel bands come nearest to given ones.

    Parameters
    ----------
    power_ft : ndarray of float, shape (n_mels, n_frames)
        Power in mel bands, as `mel.mel_power` gives it.
    settings : SpectrogramsSettings
        Its geometry.
    n_iterations : int
        Steps of the projected gradient with Nesterov's momentum [1]_.

    Returns
    -------
    ndarray of float64, shape (n_fft // 2 + 1, n_frames)
        Least squares with each band's filter brought to norm 1, so that wide bands converge as
        fast as narrow ones. Of the many solutions it is one near the filters' own shape.

    References
    ----------
    .. [1] A. Beck, M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear
       inverse problems", SIAM J. Imaging Sciences 2 (2009), DOI 10.1137/080716542.
    """
    filters, norms_f, largest = _filters_of_norm_1(settings.n_fft, settings.n_mels)
    wanted_ft = np.asarray(power_ft, np.float64) / norms_f[:, None]
    back = filters.T.tocsr()
    found_ft = ahead_ft = back @ wanted_ft / largest
    speed = 1.0
    for _ in range(n_iterations):
        slope_ft = back @ (filters @ ahead_ft - wanted_ft)
        before_ft, found_ft = found_ft, np.maximum(ahead_ft - slope_ft / largest, 0)
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        ahead_ft = found_ft + (speed - 1) / faster * (found_ft - before_ft)
        speed = faster
    return found_ft


def griffin_lim(
    magnitude_ft: NDArray[np.floating],
    settings: SpectrogramsSettings,
    *,
    n_iterations: int = N_GRIFFIN_LIM,
) -> NDArray[np.float32]:
    """Find sound whose short-time spectra have given magnitudes [1]_, with momentum [2]_.

    Parameters
    ----------
    magnitude_ft : ndarray of float, shape (n_fft // 2 + 1, n_frames)
        Of frames centred on multiples of the hop, from sample 0 on, with zeros beyond the ends.
    settings : SpectrogramsSettings
        Window and hop.
    n_iterations : int
        How often sound and magnitudes are brought together.

    Returns
    -------
    ndarray of float32, shape (n_frames * hop,)
        The first phases are drawn, always the same.

    References
    ----------
    .. [1] D. Griffin, J. Lim, "Signal estimation from modified short-time Fourier transform", IEEE
       Trans. ASSP 32 (1984), DOI 10.1109/TASSP.1984.1164317.
    .. [2] N. Perraudin, P. Balazs, P. Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013,
       DOI 10.1109/WASPAA.2013.6701851.
    """
    n_fft, hop = settings.n_fft, settings.hop_length_samples
    magnitude = torch.as_tensor(np.asarray(magnitude_ft, np.float32))
    n_frames = magnitude.shape[1]
    common: dict[str, Any] = {"n_fft": n_fft, "hop_length": hop, "window": torch.hann_window(n_fft)}

    def sound_of(phase: torch.Tensor) -> torch.Tensor:
        return torch.istft(magnitude * phase, length=n_frames * hop, **common)

    chance = torch.Generator().manual_seed(0)
    phase = torch.polar(
        torch.ones(()), 2 * torch.pi * torch.rand(magnitude.shape, generator=chance)
    )
    before = torch.zeros((), dtype=phase.dtype)
    for _ in range(n_iterations):
        sound = sound_of(phase)
        spectrum = torch.stft(sound, pad_mode="constant", return_complex=True, **common)
        spectrum = spectrum[:, :n_frames]
        phase = torch.sgn(spectrum - MOMENTUM / (1 + MOMENTUM) * before)
        before = spectrum
    return sound_of(phase).numpy()


@functools.cache
def _filters_of_norm_1(
    n_fft: int, n_mels: int
) -> tuple[scipy.sparse.csr_array, NDArray[np.float64], float]:
    """Return filters, their norms (1 where a band has no bin), and the largest square of a gain."""
    filters = mel_filters(SAMPLE_RATE_HZ, n_fft, n_mels).astype(np.float64)
    norms_f = np.sqrt(filters.power(2).sum(axis=1))
    norms_f[norms_f == 0] = 1.0
    scaled = scipy.sparse.csr_array(filters.multiply(1 / norms_f[:, None]))
    gram = (scaled @ scaled.T).toarray()
    return scaled, norms_f, float(np.linalg.eigvalsh(gram)[-1])
