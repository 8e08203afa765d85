"""What training may make of images of pairs: both halves equalised alike, a stretch of both.

The label of a pair is ViSQOL's, and the changed pair keeps it: `docs/intrusive.md` says how far
ViSQOL itself moves. Gain needs no augmentation, because levels are relative to each signal's own
RMS; a delay is undone to 1 ms before an image is made, and what is left of it cannot be had from an
image. All chance is drawn from torch's global generator. Names end in axis letters: N pair, T
time, B band, K knot.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.gammatone_bands import FLOOR_DB, N_BANDS, TOP_DB

EQUALISER_KNOTS = 8
"""Evenly over the bands, so every 4.9 equivalent rectangular bandwidths."""
EQUALISER_DB = 3.0
"""Standard deviation of the gain at each knot."""
FLOOR_FADE_DB = 10.0
"""Gains fade out so far above the floor: what is gone cannot be amplified."""
STRETCH_FRAMES = 75
"""6 s of 10 s."""
_RANGE_DB = TOP_DB - FLOOR_DB


def equalised(images_ntc: Tensor, *, alike: bool = True) -> Tensor:
    """Move the levels of each pair by a smooth random curve over frequency.

    Parameters
    ----------
    images_ntc : Tensor of float32, shape (n, frames, 2 * N_BANDS)
        Cells in 0-1: the bands of the reference, then those of the degraded signal.
    alike : bool
        Whether both halves of a pair get one curve; else each gets one of its own.

    Returns
    -------
    Tensor of float32, of the shape given
        Each half is again relative to its own RMS.
    """
    n, device = len(images_ntc), images_ntc.device
    knots_nhk = torch.randn(n, 1 if alike else 2, EQUALISER_KNOTS, device=device)
    gain_nhb = functional.interpolate(
        EQUALISER_DB * knots_nhk, N_BANDS, mode="linear", align_corners=True
    )
    halves_nthb = images_ntc.unflatten(2, (2, N_BANDS))
    return with_gains(halves_nthb, gain_nhb.expand(n, 2, N_BANDS)).flatten(2)


def with_gains(halves_nthb: Tensor, gain_db_nhb: Tensor) -> Tensor:
    """Give each half of a pair the levels that a linear equaliser would, and its own RMS anew.

    The power of a half is taken for the sum of its bands', which overlap evenly to 3 dB: the levels
    of both halves err by about 0.5 dB, together. Images are of shape (n,
    frames, 2, N_BANDS), gains in decibels of shape (n, 2, N_BANDS).
    """
    level_db_nthb = halves_nthb * _RANGE_DB
    moved_db_nthb = level_db_nthb + gain_db_nhb[:, None]
    shift_db_nh = _power_db(moved_db_nthb) - _power_db(level_db_nthb)
    moves_nthb = (gain_db_nhb - shift_db_nh[:, :, None])[:, None] / _RANGE_DB
    open_nthb = (level_db_nthb / FLOOR_FADE_DB).clamp(max=1)
    return (halves_nthb + moves_nthb * open_nthb).clamp(0, 1)


def stretches(images_ntc: Tensor) -> Tensor:
    """Cut `STRETCH_FRAMES` frames out of each pair, where chance says."""
    n, n_frames = images_ntc.shape[:2]
    length = min(STRETCH_FRAMES, n_frames)
    start_n = torch.randint(n_frames - length + 1, (n,), device=images_ntc.device)
    frames_nt = start_n[:, None] + torch.arange(length, device=images_ntc.device)
    return images_ntc.gather(1, frames_nt[:, :, None].expand(-1, -1, images_ntc.shape[2]))


def equalised_loss(network: nn.Module, images_ntc: Tensor, quality_n: Tensor) -> Tensor:
    """Return the square error on pairs that are equalised alike."""
    return functional.mse_loss(network(equalised(images_ntc)), quality_n)


def cropped_loss(network: nn.Module, images_ntc: Tensor, quality_n: Tensor) -> Tensor:
    """Return the square error on stretches of pairs."""
    return functional.mse_loss(network(stretches(images_ntc)), quality_n)


def augmented_loss(network: nn.Module, images_ntc: Tensor, quality_n: Tensor) -> Tensor:
    """Return the square error on stretches that are equalised alike."""
    return functional.mse_loss(network(equalised(stretches(images_ntc))), quality_n)


def torn_loss(network: nn.Module, images_ntc: Tensor, quality_n: Tensor) -> Tensor:
    """Return the square error on pairs whose halves are equalised each by a curve of its own.

    The control that must fail: what it teaches to overlook is what the metric hears.
    """
    return functional.mse_loss(network(equalised(images_ntc, alike=False)), quality_n)


def _power_db(level_db_nthb: Tensor) -> Tensor:
    return 10 * torch.log10((10 ** (level_db_nthb / 10)).sum(3).mean(1))
