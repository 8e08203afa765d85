"""Batches on their way into a training: from shards, and divided among ranks."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.errors import SettingsError
from musqa_pipeline.fanout.local import LocalPool
from musqa_pipeline.models.ranks import Rank
from musqa_pipeline.models.registry import InputSpec
from musqa_pipeline.spectrograms.loader import make_loader
from musqa_pipeline.spectrograms.shards import ImageShards

Batch = tuple[NDArray[np.float32] | Tensor, NDArray[np.floating] | Tensor]
"""Images (n, n_frames, n_mels) in 0-1 and quality (n,); what follows them is not looked at."""
TrainBatches = Callable[[int], Iterable[Batch]]
"""Gives the batches of an epoch, in an order that depends on (seed, epoch) alone."""
ValidationBatches = Callable[[], Iterable[Batch]]


MOST_WORKERS = 8
"""Each unpacks every row group for itself, so that more would bring little."""
_BATCHES_AHEAD = 2
"""Of each worker: torch's default."""
SHARED_MEMORY = Path("/dev/shm")
"""Where worker processes hand batches over; a container may have 64 MB of it."""


class Share(NamedTuple):
    """A rank's part of a batch."""

    images: Tensor
    quality: Tensor
    n_own: int
    """0 where the batch has fewer images than there are ranks; a stand-in is there then."""
    n_all: int
    """Images of the whole batch."""


@dataclass(frozen=True)
class ShardBatches:
    """The batches of stored images, as fast as the device needs them; can be pickled.

    On a GPU, worker processes make them ahead in page-locked memory; on a CPU the training needs
    all cores itself, and takes a hundred times as long as reading does.
    """

    shards: ImageShards
    batch_size: int
    seed: int | None = None
    """Of the order; in storage order when left out."""
    n_devices: int = 1
    """Processes that read at the same time on this machine."""

    def __call__(self, epoch: int = 0) -> Iterable[Batch]:
        """Return the batches of an epoch."""
        return make_loader(
            self.shards,
            batch_size=self.batch_size,
            seed=self.seed or 0,
            epoch=epoch,
            shuffle=self.seed is not None,
            **loader_options(self.batch_bytes, self.n_devices),
        )

    @property
    def batch_bytes(self) -> int:
        """Bytes of a batch as the network eats it, in float32."""
        return 4 * self.batch_size * math.prod(self.shards.shape)


def loader_options(batch_bytes: int, n_devices: int = 1) -> dict[str, Any]:
    """Choose how batches are made; speed alone depends on it.

    Parameters
    ----------
    batch_bytes : int
        Bytes of a batch.
    n_devices : int
        Processes that read at the same time on this machine.

    Returns
    -------
    dict
        Arguments of `make_loader`: none without a GPU. With one, a worker process for each core
        beside the training's own, as many as shared memory has room for; without room, threads
        that read ahead.
    """
    if not torch.cuda.is_available():
        return {}
    n_cores = max(1, LocalPool().n_workers // n_devices - 1)
    room = 0
    if SHARED_MEMORY.is_dir():
        room = shutil.disk_usage(SHARED_MEMORY).free // ((_BATCHES_AHEAD + 1) * batch_bytes)
    n_workers = min(MOST_WORKERS, n_cores, room // n_devices)
    if n_workers < 1:
        return {"n_threads": min(MOST_WORKERS, n_cores), "pin_memory": True}
    return {"n_workers": n_workers, "pin_memory": True}


class Epochs:
    """A rank's part of the batches of whichever epoch begins, checked, as tensors; lazy.

    Parameters
    ----------
    batches : callable
        Gives the epoch's batches.
    spec : InputSpec
        What the network eats; other images are refused with a `SettingsError`.
    rank : Rank
        Whose part.
    """

    def __init__(self, batches: Callable[[], Iterable[Batch]], spec: InputSpec, rank: Rank) -> None:
        self._batches, self._rank = batches, rank
        self._shape = (spec.n_frames, spec.n_bands)

    def __iter__(self) -> Iterator[Share]:
        own = slice(self._rank.number, None, self._rank.n_ranks)
        for batch in self._batches():
            images, quality = (torch.as_tensor(part) for part in batch[:2])
            if tuple(images.shape[1:]) != self._shape:
                raise SettingsError(
                    f"images have shape {tuple(images.shape[1:])}: expected {self._shape} (frames, "
                    "mel bands) by this network; edit [spectrograms] or [models] names"
                )
            n_own = len(quality[own])
            part = own if n_own else slice(0, 1)
            yield Share(
                images[part].to(torch.float32), quality[part].to(torch.float32), n_own, len(quality)
            )
