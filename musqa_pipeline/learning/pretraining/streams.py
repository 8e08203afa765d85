"""Stored streams of tracks, which no process holds whole and none sends to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.files import explained


class StreamFiles(Sequence[NDArray[Any]]):
    """Arrays in ``.npy`` files, each memory-mapped at its first use; pickled as their paths.

    Parameters
    ----------
    paths : iterable of Path
        An array each. `LakeError` at the first use of one that cannot be read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = tuple(paths)
        self._opened: dict[Path, NDArray[Any]] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return StreamFiles(self.paths[number])
        path = self.paths[number]
        if path not in self._opened:
            with explained("read", path):
                self._opened[path] = np.load(path, mmap_mode="r", allow_pickle=False)
        return self._opened[path]

    def __reduce__(self) -> tuple[Any, ...]:
        return StreamFiles, (self.paths,)


class VersionRows:
    """The rows of streams of excerpts in versions, as if they were one array (n, frames, 48).

    Excerpts are in the order of streams and time, and versions follow one another.

    Parameters
    ----------
    streams : sequence of ndarray of uint8, shape (excerpts, versions, frames, 48)
        Memory-mapped perhaps: nothing but rows that are asked for is read.

    Raises
    ------
    StageError
        If there is none, or they differ in what a row is.
    """

    def __init__(self, streams: Sequence[NDArray[Any]]) -> None:
        kinds = {(stream.shape[1:], stream.dtype) for stream in streams}
        if len(kinds) != 1:
            raise StageError(
                f"pretraining: {len(streams)} streams of versions with excerpts of {len(kinds)} "
                "kinds of shape, expected one; delete cache/pretraining-streams and run again"
            )
        ((versions, *image), self.dtype), = kinds  # fmt: skip
        self.streams, self._versions = streams, versions
        self._ends = np.cumsum([len(stream) * versions for stream in streams])
        self.shape = (int(self._ends[-1]), *image)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return rows by their numbers, shape (len(rows), frames, 48)."""
        numbers = np.searchsorted(self._ends, rows, side="right")
        before = np.concatenate([[0], self._ends])[numbers]
        excerpts, versions = np.divmod(rows - before, self._versions)
        places = zip(numbers.tolist(), excerpts.tolist(), versions.tolist(), strict=True)
        return np.stack([self.streams[n][excerpt, version] for n, excerpt, version in places])
