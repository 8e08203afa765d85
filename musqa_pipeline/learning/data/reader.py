"""Images row by row in an order of chance, for a reader with bounded memory.

Row groups are shuffled and poured into a buffer; whenever the next group would not fit, rows leave
the buffer at random. The order is worked out beforehand, on row numbers, from (seed, epoch) alone:
neither the number of workers nor the speed of a disk can change it, and any epoch can be resumed at
its start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.data.shards import ImageShards


def epoch_order(
    group_rows: Sequence[int], *, seed: int, epoch: int, buffer_rows: int
) -> NDArray[np.int64]:
    """Draw the order in which an epoch visits its rows: numbers in storage order, each once.

    `group_rows` says how many rows each row group has, in storage order. Whoever reads a group when
    its first row comes up and forgets a row once it is used never holds more than `buffer_rows`
    rows. From the total number of rows on, every order is equally likely.

    Raises
    ------
    ValueError
        If the buffer cannot hold the largest group.
    """
    largest = max(group_rows, default=0)
    if buffer_rows < largest:
        raise ValueError(
            f"buffer_rows={buffer_rows}: expected at least {largest}, the rows of the largest row "
            "group; raise it, or lower [spectrograms] rows_per_group"
        )
    chance = derive_generator("spectrograms.epoch", seed, epoch)
    first_row = np.concatenate([[0], np.cumsum(group_rows)]).astype(np.int64)
    order: list[int] = []
    buffer: list[int] = []
    for group in chance.permutation(len(group_rows)):
        while len(buffer) + group_rows[group] > buffer_rows:
            lot = int(chance.integers(len(buffer)))
            buffer[lot], buffer[-1] = buffer[-1], buffer[lot]
            order.append(buffer.pop())
        buffer.extend(range(first_row[group], first_row[group + 1]))
    order.extend(chance.permutation(np.array(buffer, np.int64)).tolist())
    return np.array(order, np.int64)


class RowReader:
    """Reads each row group when its first row is asked for, and forgets a row once it is used.

    It holds at most `buffer_rows` rows; `most_held` says how many it held so far. `n_threads` row
    groups are read ahead, each by a thread of its own: unpacking holds no interpreter lock.
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
