"""The order of rows in an epoch, from (seed, epoch) alone, for a reader with bounded memory.

Row groups are shuffled and poured into a buffer; whenever the next group would not fit, rows leave
the buffer at random. The order is worked out beforehand, on row numbers: neither the number of
workers nor the speed of a disk can change it, and any epoch can be resumed at its start.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.seeds import derive_generator


def epoch_order(
    group_rows: Sequence[int], *, seed: int, epoch: int, buffer_rows: int
) -> NDArray[np.int64]:
    """Draw the order in which an epoch visits its rows.

    Parameters
    ----------
    group_rows : sequence of int
        Number of rows of each row group, in storage order.
    seed : int
        Seed of the training.
    epoch : int
        Number of the epoch, from 0.
    buffer_rows : int
        Most rows held at a time; at least the largest group. From the total number of rows on,
        every order is equally likely.

    Returns
    -------
    ndarray of int64, shape (sum(group_rows),)
        Row numbers in storage order, each once. Whoever reads a group when its first row comes up
        and forgets a row once it is used never holds more than `buffer_rows` rows.

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
