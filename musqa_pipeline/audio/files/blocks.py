"""Blocks of one size, whatever the sizes in which samples come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files.reading import BLOCK_FRAMES

MAX_SAMPLES_PER_BLOCK = BLOCK_FRAMES * 8
"""Of all channels together."""


def in_blocks(samples: NDArray[np.float32], channels: int) -> Iterator[NDArray[np.float32]]:
    """Cut samples in memory, shape (frames, channels), into the blocks that a file would give."""
    size = block_frames(channels)
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def block_frames(channels: int) -> int:
    """Return the length of a block, shorter for many channels."""
    return max(1024, min(BLOCK_FRAMES, MAX_SAMPLES_PER_BLOCK // channels))


def rechunked(
    blocks: Iterable[NDArray[np.float32]], channels: int
) -> Iterator[NDArray[np.float32]]:
    """Cut a stream of blocks anew, into blocks of `block_frames`; the last one is shorter."""
    size = block_frames(channels)
    waiting: list[NDArray[np.float32]] = []
    n_waiting = 0
    for block in blocks:
        waiting.append(block)
        n_waiting += len(block)
        if n_waiting < size:
            continue
        joined = np.concatenate(waiting) if len(waiting) > 1 else block
        whole = n_waiting - n_waiting % size
        for start in range(0, whole, size):
            yield joined[start : start + size]
        waiting, n_waiting = [joined[whole:]], n_waiting - whole
    if n_waiting:
        yield np.concatenate(waiting)


def finite(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Return samples with 0 in place of what is not finite, and how many these are."""
    known = np.isfinite(samples)
    n_bad = int(known.size - np.count_nonzero(known))
    return (np.where(known, samples, np.float32(0.0)), n_bad) if n_bad else (samples, 0)
