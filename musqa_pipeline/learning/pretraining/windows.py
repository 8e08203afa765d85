"""What a pre-training of NISQA's convolutions hears in an update: windows of mel images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.mel import decode_cells
from musqa_pipeline.audio.features.nisqa_mel import N_BANDS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.pretraining.framewise_recipe import WindowRecipe


class Windows:
    """All windows of all recordings, and the batches between two checkpoints.

    Windows have numbers from 0, in the order of recordings and time. A recording that is shorter
    than a window has none, and what is left at its end is not heard. In each pass every window
    comes once, in an order by (seed, pass); its last batch may be smaller.

    Parameters
    ----------
    images : sequence of ndarray of uint8, shape (frames, 48)
        A recording each, as `encode_cells` stores `nisqa_mel`; of memory-mapped arrays nothing but
        windows is read.
    recipe : WindowRecipe
        Its windows, and how many make an update.
    seed : int
        Of the order.
    checkpoint_updates : int, optional
        Updates between two checkpoints; a pass when left out.

    Raises
    ------
    StageError
        If an image is no such array, or no recording is as long as a window.
    """

    def __init__(
        self, images: Sequence[NDArray[np.uint8]], recipe: WindowRecipe, seed: int,
        checkpoint_updates: int | None = None,
    ) -> None:  # fmt: skip
        self.images, self.recipe, self.seed = images, recipe, seed
        places: list[tuple[int, int]] = []
        for number, image in enumerate(images):
            require_cells(image.shape[1:], image.dtype, f"image {number}")
            last = len(image) - recipe.window_frames
            places += [(number, start) for start in range(0, last + 1, recipe.window_hop_frames)]
        if not places:
            raise StageError(
                f"pretraining: none of {len(images)} recordings has window_frames="
                f"{recipe.window_frames} frames of 10 ms; add longer recordings to the catalogs, "
                "or lower window_frames"
            )
        self.places = np.array(places, np.int64)
        """Recording and first frame of each window, shape (n, 2)."""
        self.updates_a_pass = -(-len(places) // recipe.batch_size)
        self.checkpoint_updates = checkpoint_updates or self.updates_a_pass

    def __len__(self) -> int:
        return len(self.places)

    def __call__(self, epoch: int = 0) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Yield windows and their numbers in updates from `epoch` times `checkpoint_updates` on."""
        first = epoch * self.checkpoint_updates
        for update in range(first, first + self.checkpoint_updates):
            numbers = self.of_update(update)
            yield self.cells(numbers), numbers

    def of_update(self, update: int) -> NDArray[np.int64]:
        """Return the numbers of the windows of an update from 0."""
        number, batch = divmod(update, self.updates_a_pass)
        order = derive_generator("pretraining.windows", self.seed, number).permutation(len(self))
        return order[batch * self.recipe.batch_size :][: self.recipe.batch_size]

    def cells(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return windows in 0-1, shape (n, window_frames, 48)."""
        n_frames = self.recipe.window_frames
        return decode_cells(
            np.stack([
                self.images[image][start : start + n_frames]
                for image, start in self.places[numbers].tolist()
            ])
        )  # fmt: skip

    def in_order(self) -> Iterator[NDArray[np.float32]]:
        """Yield all windows in the order of their numbers, a batch at a time."""
        size = self.recipe.batch_size
        for first in range(0, len(self), size):
            yield self.cells(np.arange(first, min(first + size, len(self))))


def require_cells(bands: tuple[int, ...], dtype: np.dtype[np.generic], what: str) -> None:
    """Refuse what are no stored cells of frames of 48 bands, with a StageError."""
    if bands != (N_BANDS,) or dtype != np.uint8:
        raise StageError(
            f"pretraining: {what} has frames of shape {bands} in {dtype}, expected ({N_BANDS},) in "
            "uint8; give images of nisqa_mel as they are stored"
        )
