"""What an autoencoder may make small: the metrics of `audio/metrics/perceptual`, by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from musqa_pipeline.audio.metrics.perceptual.ms_ssim import ms_ssim
from musqa_pipeline.audio.metrics.perceptual.nlpd import nlpd


def mean_square_error(references_n1ft: Tensor, images_n1ft: Tensor) -> Tensor:
    """Return the mean squared difference of the cells of each image, shape (n,)."""
    return (references_n1ft - images_n1ft).square().mean(dim=(1, 2, 3))


def ms_ssim_loss(references_n1ft: Tensor, images_n1ft: Tensor) -> Tensor:
    """Return 1 - MS-SSIM, shape (n,), rectified where a gradient is left: in the covariance."""
    return 1 - ms_ssim(references_n1ft, images_n1ft, floor="covariance")


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mean_square_error,
    "ms_ssim": ms_ssim_loss,
    "nlpd": nlpd,
}
"""Of (references, images), both (n, 1, bands, frames): a value for each image, 0 at best."""
