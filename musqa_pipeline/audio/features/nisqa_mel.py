"""The mel image that NISQA looks at: 48 bands up to 20 kHz in decibels, every 10 ms.

Window, bands and decibels are those of NISQA's published training settings [1]_. Its network gets
decibels re a magnitude of 1; an image here is what lies below its loudest cell, in 0-1 like all
images of the house, and says beside that how loud the cell was.

References
----------
.. [1] G. Mittag, B. Naderi, A. Chehadi and S. Moeller, "NISQA: A Deep CNN-Self-Attention Model for
   Multidimensional Speech Quality Prediction with Crowdsourced Datasets", Interspeech 2021,
   arXiv:2104.09494.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.filterbank import mel_filters
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.features.mel import MelImage, band_sums
from musqa_pipeline.core.errors import UnfitInputError

WINDOW_SAMPLES, HOP_SAMPLES = 960, 480
"""20 ms and 10 ms."""
N_FFT = 4096
N_BANDS = 48
TOP_HZ = 20_000.0
RANGE_DB = 80.0
FLOOR_DB = -80.0
"""Level of a magnitude of 1e-4, below which no cell falls: librosa's `amin` as NISQA sets it."""
N_FRAMES = 1 + EXCERPT_SAMPLES // HOP_SAMPLES


def nisqa_mel(samples: NDArray[np.float32]) -> MelImage:
    """Compute the mel image of at most 10 s of mono audio at 48 kHz; less is looped to 10 s.

    Frames are centred with the signal mirrored beyond its ends; bands sum magnitudes. A gain moves
    no cell as long as the loudest stays at 0 dB or above; of quieter signals less than 80 dB are
    there, as the floor stays.

    Parameters
    ----------
    samples : ndarray of float32, shape (samples,)
        Full scale is 1.

    Returns
    -------
    MelImage
        ``image`` has the shape (1001, 48); 1 is the loudest cell, 0 lies 80 dB below. ``max_db``
        and ``min_db`` are re a magnitude of 1 in a band, as librosa's.

    Raises
    ------
    UnfitInputError
        If the signal is empty, not mono, longer than 10 s, not finite or silent.
    """
    excerpt, looped = loop_to_excerpt(samples)
    return _below_loudest(_levels_db(excerpt), looped)


def nisqa_mel_of_track(pieces: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Compute one mel image of a whole track, shape (frames, 48): 1 is its loudest cell.

    Parameters
    ----------
    pieces : iterable of ndarray of float32, shape (samples,)
        The track in order, mono at 48 kHz and finite; all but the last a multiple of 10 ms long.
        At a seam a frame sees its piece mirrored.

    Returns
    -------
    ndarray of float32, shape (1 + samples // 480, 48)
        0 lies 80 dB below the track's loudest cell, where `nisqa_mel` looks at 10 s alone.

    Raises
    ------
    UnfitInputError
        If the track is silent or shorter than half a window, 10 ms.
    """
    levels = [_levels_db(piece) for piece in pieces if len(piece) > WINDOW_SAMPLES // 2]
    if not levels:
        raise UnfitInputError("too_short", "it has less than 10 ms", "leave it out")
    whole = [level_db[:, :-1] for level_db in levels[:-1]]
    return _below_loudest(np.concatenate([*whole, levels[-1]], axis=1), looped=False).image


def _levels_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the level of each cell, shape (48, frames)."""
    mirrored = np.pad(samples, WINDOW_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, WINDOW_SAMPLES)[::HOP_SAMPLES]
    level_db = band_sums(frames, mel_filters(SAMPLE_RATE_HZ, N_FFT, N_BANDS, TOP_HZ), exponent=1)
    np.maximum(level_db, np.float32(10.0 ** (FLOOR_DB / 20.0)), out=level_db)
    np.log10(level_db, out=level_db)
    level_db *= np.float32(20.0)
    return level_db


def _below_loudest(level_db: NDArray[np.float32], looped: bool) -> MelImage:
    max_db = float(level_db.max())
    if max_db <= FLOOR_DB:
        raise UnfitInputError("silent", "it is silent", "leave it out, or use music")
    level_db += np.float32(RANGE_DB - max_db)
    level_db /= np.float32(RANGE_DB)
    np.maximum(level_db, np.float32(0.0), out=level_db)
    image = np.ascontiguousarray(level_db.T)
    return MelImage(image, max_db, max_db - RANGE_DB * (1.0 - float(image.min())), looped)
