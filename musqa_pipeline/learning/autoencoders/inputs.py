"""What an autoencoder sees in a step: noise, or parts of images of music, by (seed, step) alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe


def white_noise(n: int, side: int, *, seed: int, step: int) -> NDArray[np.float32]:
    """Draw uniform noise in [0, 1), shape (n, side, side), of a step from 0."""
    chance = derive_generator("autoencoders.noise", seed, step)
    return chance.random((n, side, side), dtype=np.float32)


def pink_noise(n: int, side: int, *, seed: int, step: int) -> NDArray[np.float32]:
    """Filter the white noise of a step so that its amplitude falls as 1/f.

    Parameters
    ----------
    n, side : int
        Number of images, and their bands and frames.
    seed, step : int
        Of `white_noise`.

    Returns
    -------
    ndarray of float32, shape (n, side, side)
        Each image from 0 to 1 exactly. Its Fourier transform over both axes is that of the white
        noise divided by sqrt(f_band^2 + f_frame^2), in cycles a cell, without the mean: a power of
        1/f^2 in every direction, as photographs have. Opposite borders go on in each other.
    """
    white = white_noise(n, side, seed=seed, step=step)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    radius[0, 0] = np.inf
    pink = np.fft.irfft2(np.fft.rfft2(white) / radius, s=(side, side))
    pink -= pink.min(axis=(1, 2), keepdims=True)
    pink /= pink.max(axis=(1, 2), keepdims=True)
    return pink.astype(np.float32)


def music_parts(
    images: NDArray[np.float32], n: int, side: int, *, seed: int, step: int
) -> NDArray[np.float32]:
    """Cut squares out of images of music, each of any image and from anywhere in it.

    Parameters
    ----------
    images : ndarray of float32, shape (n_images, bands, frames)
        In [0, 1].
    n, side : int
        Number of squares, and their bands and frames.
    seed, step : int
        What the draw depends on.

    Returns
    -------
    ndarray of float32, shape (n, side, side)

    Raises
    ------
    UnfitInputError
        If there is no image, or images are smaller than a square.
    """
    n_images, n_bands, n_frames = images.shape
    if n_images < 1 or min(n_bands, n_frames) < side:
        raise UnfitInputError(
            "too_small",
            f"images of music have the shape {images.shape}",
            f"give at least one, of {side} bands and frames or more",
        )
    chance = derive_generator("autoencoders.music", seed, step)
    highest = (n_images, n_bands - side + 1, n_frames - side + 1)
    drawn = chance.integers(0, highest, (n, 3)).tolist()
    return np.stack([images[k, f : f + side, t : t + side] for k, f, t in drawn])


def tiles_of(images: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Cut images (n, bands, frames) into squares beside each other; what is left over is left out.

    Returns
    -------
    ndarray of float32, shape (n_tiles, side, side)
        Image by image.
    """
    n_images, n_bands, n_frames = images.shape
    n_high, n_wide = n_bands // side, n_frames // side
    kept = images[:, : n_high * side, : n_wide * side]
    squares = kept.reshape(n_images, n_high, side, n_wide, side).swapaxes(2, 3)
    return squares.reshape(-1, side, side)


@dataclass(frozen=True)
class InputBatches:
    """The batches between two checkpoints; can be pickled."""

    recipe: AutoencoderRecipe
    seed: int
    music: NDArray[np.float32] | None = None
    """Images (n_images, bands, frames), where the recipe wants music."""

    def __post_init__(self) -> None:
        if self.recipe.inputs == "music" and self.music is None:
            raise SettingsError("autoencoder: inputs='music' without music; give images of it")

    def __call__(self, epoch: int = 0) -> Iterator[tuple[NDArray[np.float32], None]]:
        """Yield the batches of the steps from `epoch` times `checkpoint_steps` on."""
        first = epoch * self.recipe.checkpoint_steps
        for step in range(first, first + self.recipe.checkpoint_steps):
            yield self.images(step), None

    def images(self, step: int) -> NDArray[np.float32]:
        """Return what is seen in a step, shape (n, side, side)."""
        n, side = self.recipe.batch_size, self.recipe.side
        if self.recipe.inputs == "music":
            assert self.music is not None
            return music_parts(self.music, n, side, seed=self.seed, step=step)
        noise = {"white": white_noise, "pink": pink_noise}[self.recipe.inputs]
        return noise(n, side, seed=self.seed, step=step)
