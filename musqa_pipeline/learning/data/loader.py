"""Batches of images for torch: shuffled and streamed, with a bound on memory.

`make_loader` serves training, one loader per epoch; `iter_rows` serves evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from musqa_pipeline.audio.features.mel import FULL_SCALES, decode_cells
from musqa_pipeline.learning.data.reader import RowReader, epoch_order
from musqa_pipeline.learning.data.shards import ImageShards

BUFFER_ROWS = 512
"""Rows mixed at a time: 32 row groups of 16, 246 MB of uint8 images."""


class LabelledImages(NamedTuple):
    """A batch that says which rows it holds."""

    images: torch.Tensor
    """float32, shape (n, n_frames, n_mels), 0 to 1."""
    quality: torch.Tensor
    """float32, shape (n,), (mos - 1) / 4."""
    degraded_ids: list[str]
    catalogs: list[str]
    """An id is unique within its catalog."""

    @property
    def cells(self) -> NDArray[np.uint8]:
        """Images as they are stored and as the scorer makes them, shape as `images`."""
        return np.round(self.images.numpy() * 255).astype(np.uint8)


class _EpochBatches(IterableDataset):
    """The batches of one epoch, the same for any number of workers; see `make_loader`."""

    def __init__(
        self,
        shards: ImageShards,
        order: NDArray[np.int64],
        *,
        batch_size: int,
        buffer_rows: int,
        n_threads: int,
        as_stored: bool,
        pin_memory: bool,
    ) -> None:
        self.shards, self.order, self.batch_size = shards, order, batch_size
        self.buffer_rows, self.n_threads = buffer_rows, n_threads
        self.as_stored, self.pin_memory = as_stored, pin_memory

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        # A DataLoader takes batches from its workers in turn, so worker k makes every n-th one.
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        starts = range(first * self.batch_size, len(self.order), step * self.batch_size)
        batches = [self.order[start : start + self.batch_size] for start in starts]
        if not batches:
            return
        reader = RowReader(self.shards, buffer_rows=self.buffer_rows, n_threads=self.n_threads)
        with closing(reader.read(np.concatenate(batches))) as rows:
            for batch in batches:
                shape = len(batch), *self.shards.shape
                if self.as_stored:
                    images = torch.empty(shape, dtype=self._dtype, pin_memory=self.pin_memory)
                    for cells in images.numpy():
                        cells[...] = next(rows)
                else:
                    images = torch.empty(shape)
                    for image in images.numpy():
                        decode_cells(next(rows), out=image)
                yield images, torch.from_numpy(self.shards.targets[batch])

    @property
    def _dtype(self) -> torch.dtype:
        return torch.from_numpy(np.empty(0, self.shards.dtype)).dtype


def make_loader(
    shards: ImageShards,
    *,
    batch_size: int,
    seed: int = 0,
    epoch: int = 0,
    shuffle: bool = True,
    buffer_rows: int = BUFFER_ROWS,
    n_threads: int = 1,
    n_workers: int = 0,
    pin_memory: bool = False,
    as_stored: bool = False,
) -> DataLoader:
    """Make the loader of one epoch: (images, quality) in batches, the last perhaps with fewer.

    They are float32, of shapes (n, n_frames, n_mels) and (n,), or (n, 1 + teachers) of shards that
    were given further targets; images `as_stored` are cells, see `decode_tensor`. Their order
    depends on `seed`, `epoch`, the shards and `buffer_rows` alone; without `shuffle` it is that of
    storage. A reader holds at most `buffer_rows` stored images, or one row group if that is larger;
    from `shards.n_rows` on every order is possible. torch's global random state stays as it is.

    On the rest speed alone depends: `n_threads` of this process read row groups ahead; `n_workers`
    processes read all row groups and make every n-th batch, with 0 this process does; with
    `pin_memory` batches lie in page-locked memory, from which a GPU copies while it computes.

    Raises
    ------
    ValueError
        If `batch_size` or `n_threads` is below 1.
    """
    for name, value in (("batch_size", batch_size), ("n_threads", n_threads)):
        if value < 1:
            raise ValueError(f"{name}={value}: expected at least 1")
    buffer_rows = max([buffer_rows, *(len(group.rows) for group in shards.groups)])
    order = np.arange(shards.n_rows, dtype=np.int64)
    if shuffle:
        order = order_of(shards, seed=seed, epoch=epoch, buffer_rows=buffer_rows)
    batches = _EpochBatches(
        shards, order, batch_size=batch_size, buffer_rows=buffer_rows, n_threads=n_threads,
        as_stored=as_stored, pin_memory=pin_memory and not n_workers,
    )  # fmt: skip
    return DataLoader(
        batches,
        batch_size=None,
        collate_fn=_as_is,
        num_workers=n_workers,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # else each epoch would draw from torch's global generator
    )


def decode_tensor(cells: torch.Tensor) -> torch.Tensor:
    """Turn stored cells into numbers on the device where they are, to the bit as `decode_cells`."""
    full_scale = FULL_SCALES.get(str(cells.dtype).removeprefix("torch."))
    images = cells.to(torch.float32)
    if full_scale is None:
        return images
    # By a tensor: a GPU divides by a plain number as it multiplies by its rounded inverse.
    return images.div_(torch.full((), full_scale, device=cells.device))


def order_of(
    shards: ImageShards, *, seed: int, epoch: int, buffer_rows: int = BUFFER_ROWS
) -> NDArray[np.int64]:
    """Return the row numbers of an epoch of `make_loader`, in its order."""
    sizes = [len(group.rows) for group in shards.groups]
    return epoch_order(sizes, seed=seed, epoch=epoch, buffer_rows=max([buffer_rows, *sizes]))


def iter_rows(shards: ImageShards, batch_size: int = 64) -> Iterator[LabelledImages]:
    """Yield all images with their ids, in the order of `ImageShards.labels`."""
    ids: Sequence[str] = shards.labels["degraded_id"].to_pylist()
    catalogs: Sequence[str] = shards.labels["catalog"].to_pylist()
    first = 0
    for images, quality in make_loader(shards, batch_size=batch_size, shuffle=False):
        rows = slice(first, first + len(quality))
        yield LabelledImages(images, quality, list(ids[rows]), list(catalogs[rows]))
        first += len(quality)


def _as_is(batch: Any) -> Any:
    """Keep a batch a tuple; torch's own conversion makes lists of tuples."""
    return batch
