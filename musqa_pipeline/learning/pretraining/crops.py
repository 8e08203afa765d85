"""What a pre-training hears in an update: crops of streams, by (seed, update) alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.pcm import WAVEFORM_RATE_HZ
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Recipe


class CropBatches:
    """The batches between two checkpoints, as `learning.training.train` takes them.

    Every place of every stream is as likely as any other to begin a crop; a stream that is shorter
    than a crop has none. `StageError` if all are.

    Parameters
    ----------
    streams : sequence of ndarray of int16, shape (samples,)
        Mono at 16 kHz; of memory-mapped arrays nothing but crops is read.
    recipe : Wav2Vec2Recipe
        Its crops, and how many make an update and a checkpoint.
    seed : int
        Of the draws.
    """

    def __init__(
        self, streams: Sequence[NDArray[np.int16]], recipe: Wav2Vec2Recipe, seed: int
    ) -> None:
        self.streams, self.recipe, self.seed = streams, recipe, seed
        starts = [max(0, len(stream) - recipe.crop_samples + 1) for stream in streams]
        self._ends = np.cumsum(np.array(starts, np.int64))
        if not any(starts):
            raise StageError(
                f"pretraining: none of {len(streams)} streams has "
                f"{recipe.crop_samples / WAVEFORM_RATE_HZ:g} s for a crop; add longer recordings "
                "to the catalogs, or lower crop_samples"
            )

    def __call__(self, epoch: int = 0) -> Iterator[tuple[NDArray[np.int16], None]]:
        """Yield the batches of the updates from `epoch` times `checkpoint_updates` on."""
        first = epoch * self.recipe.checkpoint_updates
        for update in range(first, first + self.recipe.checkpoint_updates):
            yield self.crops(update), None

    def crops(self, update: int) -> NDArray[np.int16]:
        """Return what is heard in an update from 0, shape (n, crop_samples)."""
        rng = derive_generator("pretraining.crops", self.seed, update)
        drawn = rng.integers(self._ends[-1], size=self.recipe.batch_size)
        streams = np.searchsorted(self._ends, drawn, side="right")
        before = np.concatenate([[0], self._ends])[streams]
        n = self.recipe.crop_samples
        return np.stack([
            self.streams[stream][place : place + n]
            for stream, place in zip(streams.tolist(), (drawn - before).tolist(), strict=True)
        ])  # fmt: skip
