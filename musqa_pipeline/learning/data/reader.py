"""Images row by row in a given order, holding as few as that order allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.learning.data.shards import ImageShards


class RowReader:
    """Reads each row group when its first row is asked for, and forgets a row once it is used.

    Parameters
    ----------
    shards : ImageShards
        Where the images are.
    buffer_rows : int
        Most rows held.
    n_threads : int
        Row groups read ahead, each by a thread of its own: unpacking holds no interpreter lock.

    Attributes
    ----------
    most_held : int
        Most rows held so far.
    """

    def __init__(self, shards: ImageShards, *, buffer_rows: int, n_threads: int = 1) -> None:
        self.shards = shards
        self.n_threads = n_threads
        self.most_held = 0
        sizes = [len(group.rows) for group in shards.groups]
        self._group_of = np.repeat(np.arange(len(sizes)), sizes)
        # Copies in slots, because a view of one row would keep its whole row group in memory.
        n_slots = min(buffer_rows, shards.n_rows)
        self._slots = np.empty((n_slots, *shards.shape), shards.dtype)

    def read(self, order: NDArray[np.int64]) -> Generator[NDArray[np.generic], None, None]:
        """Yield rows, cells as stored (n_frames, n_bands), valid until the next is asked for.

        `order` has no row number twice: an `epoch_order`, or a part of one.
        """
        wanted = set(order.tolist())
        slot_of: dict[int, int] = {}
        free = list(range(len(self._slots)))
        to_read = deque(dict.fromkeys(self._group_of[order].tolist()))
        with ThreadPoolExecutor(self.n_threads) as threads:
            coming: deque[tuple[int, Future[list[NDArray[np.generic]]]]] = deque()
            for row in order.tolist():
                while to_read and len(coming) < self.n_threads:
                    group = to_read.popleft()
                    coming.append((group, threads.submit(self.shards.read_group, group)))
                if row not in slot_of:
                    group, future = coming.popleft()
                    first = self.shards.groups[group].first_row
                    for held, image in enumerate(future.result(), start=first):
                        if held in wanted:
                            slot_of[held] = free.pop()
                            self._slots[slot_of[held]] = image
                    self.most_held = max(self.most_held, len(slot_of))
                yield self._slots[slot_of[row]]
                free.append(slot_of.pop(row))
