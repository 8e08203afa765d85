"""Outputs of a network that does not change, kept for each image it was shown.

The file is a row of records, each an image's key (blake2b of its cells) and its outputs. Records
are only ever appended, by any number of processes, and one that a kill left incomplete is cut off,
so that what was computed is never lost.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.core.files import explained

_KEY_BYTES = 16


class OutputsCache:
    """Outputs by image, in memory and in a file whose name says which network they are of.

    It has 4 kB an image. What other processes append is read when the next one is opened.
    """

    def __init__(self, path: Path, n_outputs: int, *, writable: bool = True) -> None:
        self.path, self.writable = path, writable
        self._record = np.dtype([("key", f"V{_KEY_BYTES}"), ("outputs", "<f4", (n_outputs,))])
        self._known: dict[bytes, NDArray[np.float32]] = {}
        if path.exists():
            self._read()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, images: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the outputs of images (n, ...), computing those that are new.

        `compute` takes images (m, ...) and gives their outputs (m, n_outputs). The result is
        float32, on the device of the images, without gradient.
        """
        cells = images.detach().cpu().contiguous().numpy()
        keys = [hashlib.blake2b(image.data, digest_size=_KEY_BYTES).digest() for image in cells]
        new = [index for index, key in enumerate(keys) if key not in self._known]
        if new:
            computed = compute(images[new]).detach().float().cpu().numpy()
            records = np.zeros(len(new), self._record)
            for record, index, outputs in zip(records, new, computed, strict=True):
                record["key"], record["outputs"] = keys[index], outputs
                self._known[keys[index]] = outputs
            if self.writable:
                self._append(records.tobytes())
        found = np.stack([self._known[key] for key in keys])
        return torch.from_numpy(found).to(images.device)

    def _read(self) -> None:
        with explained("read", self.path):
            content = self.path.read_bytes()
        whole = len(content) - len(content) % self._record.itemsize
        for record in np.frombuffer(content[:whole], self._record):
            self._known[record["key"].tobytes()] = record["outputs"]

    def _append(self, records: bytes) -> None:
        with explained("write", self.path), self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed
            n_bytes = file.seek(0, os.SEEK_END)
            file.truncate(n_bytes - n_bytes % self._record.itemsize)
            file.write(records)
