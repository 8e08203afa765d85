"""Mel images of clips of some 30 s that genre is told from: 22.05 kHz, 128 bands, 80 dB.

Paper 003 took images that came with a copy of GTZAN, and does not say how they were made; 2048
points every 512 samples are librosa's defaults at that rate.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.features.mel import encode_cells, mel_power
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.settings.dataset import SpectrogramsSettings

CLIP_RATE_HZ = 22_050
CLIP_IMAGE = SpectrogramsSettings(n_mels=128, n_fft=2048, hop_length_samples=512, top_db=80.0)
CLIP_FRAMES = 1280
"""Of 30 s, which have 1,292; what encoders halve three times."""


def clip_image(
    samples: NDArray[np.floating], sample_rate_hz: int, n_frames: int = CLIP_FRAMES
) -> NDArray[np.uint8]:
    """Make the image of a clip.

    Parameters
    ----------
    samples : ndarray of float, shape (n_samples,) or (n_samples, channels)
        Full scale is 1; of channels, the mean is looked at.
    sample_rate_hz : int
        Brought to 22.05 kHz by soxr.
    n_frames : int
        Frames of 23.2 ms that are kept, from the beginning.

    Returns
    -------
    ndarray of uint8, shape (128, n_frames)
        Bands from low to high. 255 is the loudest cell, 0 the quietest or 80 dB below; beyond the
        end of a shorter clip there is 0, too.

    Raises
    ------
    UnfitInputError
        If a sample is not finite, or all cells are equally loud, as in silence.
    """
    if not np.isfinite(samples).all():
        raise UnfitInputError("not_finite", "it has samples that are NaN", "decode it again")
    mono = np.asarray(samples, np.float64)
    mono = mono.mean(axis=1) if mono.ndim == 2 else mono
    if sample_rate_hz != CLIP_RATE_HZ:
        mono = soxr.resample(mono, sample_rate_hz, CLIP_RATE_HZ, quality="VHQ")
    kept = mono[: n_frames * CLIP_IMAGE.hop_length_samples + CLIP_IMAGE.n_fft]
    power = mel_power(kept.astype(np.float32), CLIP_IMAGE, CLIP_RATE_HZ)[:, :n_frames]
    loudest = float(power.max(initial=0.0))
    level_db = 10 * np.log10(np.maximum(power, max(loudest * 1e-8, 1e-30)))
    level_db -= level_db.min(initial=np.inf)
    if not loudest or not level_db.max() > 0:
        raise UnfitInputError("silent", "it is silent", "leave it out, or use music")
    cells = encode_cells(level_db / level_db.max(), "uint8").astype(np.uint8)
    return np.pad(cells, ((0, 0), (0, n_frames - cells.shape[1])))
