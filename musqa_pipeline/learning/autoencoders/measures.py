"""What is measured of reconstructed images, and when a loss has settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from musqa_pipeline.audio.metrics.perceptual.images import check_images, check_pair
from musqa_pipeline.audio.metrics.perceptual.ms_ssim import ms_ssim
from musqa_pipeline.audio.metrics.perceptual.nlpd import nlpd
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.autoencoders.losses import mean_square_error
from musqa_pipeline.learning.autoencoders.recipe import SETTLING_STEPS

SETTLED_FRAC = 0.01
"""A loss has settled where it falls by less than this part of itself in `SETTLING_STEPS`."""


class Measures(NamedTuple):
    """Of each image, shape (n,)."""

    psnr_db: Tensor
    """10 log10(1 / MSE); infinite where nothing differs."""
    ms_ssim: Tensor
    """From 0 to 1, higher is better; the metric, with its usual floor."""
    nlpd: Tensor
    """From 0 up; Laparra's."""
    log_mel_mse: Tensor
    """Of cells, 1 being the range of 80 dB."""


@torch.no_grad()
def measure(references_n1ft: Tensor, images_n1ft: Tensor) -> Measures:
    """Measure reconstructions beside their originals.

    Parameters
    ----------
    references_n1ft, images_n1ft : Tensor, shape (n, 1, bands, frames)
        Originals in [0, 1], and reconstructions, which are clipped to that. An original may be
        constant, as a square of an image above the music's bands is.

    Returns
    -------
    Measures

    Raises
    ------
    UnfitInputError
        If originals are no images, a cell is NaN, or shapes differ.
    """
    clipped_n1ft = images_n1ft.float().clamp(0, 1)
    check_images(references_n1ft)
    check_pair(references_n1ft, clipped_n1ft)
    nlpd_n = nlpd(references_n1ft, clipped_n1ft, epsilon=0.0)
    mse_n = mean_square_error(references_n1ft.double(), clipped_n1ft.double())
    ms_ssim_n = ms_ssim(references_n1ft, clipped_n1ft, floor="relu")
    return Measures(-10 * mse_n.log10(), ms_ssim_n, nlpd_n, mse_n)


def settled_step(losses: Sequence[float], checkpoint_steps: int) -> int | None:
    """Find where a loss has settled: the only stop that needs no music.

    Parameters
    ----------
    losses : sequence of float
        The curve ``loss``: means over `checkpoint_steps` steps each.
    checkpoint_steps : int
        A divisor of 200.

    Returns
    -------
    int or None
        The first step at the end of whose checkpoint the loss is not 1 % below what it was 200
        steps before; also where it rises. None if there is no such step.

    Raises
    ------
    SettingsError
        If 200 steps are no whole number of checkpoints.
    """
    if SETTLING_STEPS % checkpoint_steps:
        raise SettingsError(
            f"checkpoint_steps={checkpoint_steps}: expected a divisor of {SETTLING_STEPS}, so that "
            "a loss can be compared with itself that many steps before"
        )
    apart = SETTLING_STEPS // checkpoint_steps
    for point in range(apart, len(losses)):
        if losses[point] > (1 - SETTLED_FRAC) * losses[point - apart]:
            return (point + 1) * checkpoint_steps
    return None
