"""Images of music through an autoencoder and back, and sound made of them."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from musqa_pipeline.audio.features.mel_inversion import griffin_lim, spectrum_of_mel
from musqa_pipeline.audio.metrics.perceptual.opinions import IMAGE, RANGE_DB, PairImages
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.learning.autoencoders.networks import Autoencoder


@torch.no_grad()
def reconstruct(
    network: Autoencoder, images_n1ft: Tensor, *, tile_cells: int | None = None
) -> Tensor:
    """Encode and decode images, clipped to [0, 1].

    Parameters
    ----------
    network : Autoencoder
        Of any recipe.
    images_n1ft : Tensor, shape (n, 1, bands, frames)
        In [0, 1].
    tile_cells : int, optional
        Side of squares that are reconstructed each alone, as those of the training are; edges of
        images are repeated to fill the last ones. When left out, images are taken whole: then
        only their own borders, and not those of squares, have silence (0) beyond them.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    if tile_cells is None:
        return torch.cat([network(one).clamp(0, 1) for one in images_n1ft.split(1)])
    n_bands, n_frames = images_n1ft.shape[2:]
    beyond = (0, -n_frames % tile_cells, 0, -n_bands % tile_cells)
    padded_n1ft = functional.pad(images_n1ft, beyond, mode="replicate")
    rows = [
        torch.cat([network(tile).clamp(0, 1) for tile in row.split(tile_cells, dim=3)], dim=3)
        for row in padded_n1ft.split(tile_cells, dim=2)
    ]
    return torch.cat(rows, dim=2)[:, :, :n_bands, :n_frames]


def sound_of(image_ft: NDArray[np.float32], loudest_db: float) -> NDArray[np.float32]:
    """Make sound of a mel image, with phases that Griffin and Lim's iterations find.

    Parameters
    ----------
    image_ft : ndarray of float32, shape (256, frames)
        As `PairImages` makes it: 1 is the loudest cell, 0 is 80 dB below.
    loudest_db : float
        Level of the loudest cell, `PairImages.loudest_db`.

    Returns
    -------
    ndarray of float32, shape (768 * frames,)
        Mono at 48 kHz.
    """
    level_db = loudest_db + RANGE_DB * (image_ft.astype(np.float64) - 1)
    spectrum_ft = spectrum_of_mel(10 ** (level_db / 10), IMAGE)
    return griffin_lim(np.sqrt(spectrum_ft), IMAGE)


class Heard:
    """The sound of reconstructions of one excerpt, heard by ViSQOL beside the original sound.

    Parameters
    ----------
    samples : ndarray of float32, shape (n_samples,)
        Mono at 48 kHz, 0.96 s or more.
    images : PairImages
        Its image.

    Raises
    ------
    UnfitInputError
        If the sound is shorter, silent, or not finite.
    """

    def __init__(self, samples: NDArray[np.float32], images: PairImages) -> None:
        self._reference, self._images = Reference(samples), images

    def mos(self, made_11ft: Tensor) -> float:
        """Return MOS-LQO of the sound of a reconstructed image, (1, 1, 256, frames)."""
        return self.mos_of_sound(sound_of(made_11ft[0, 0].numpy(), self._images.loudest_db))

    def mos_of_sound(self, sound: NDArray[np.float32]) -> float:
        """Return MOS-LQO of a sound, mono at 48 kHz."""
        return self._reference.score(sound).mos

    @functools.cached_property
    def untouched_mos(self) -> float:
        """The same of the untouched image: what mel bands and phases alone cost."""
        return self.mos(self._images.reference)
