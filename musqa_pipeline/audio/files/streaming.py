"""Decoding a stretch of a file as a stream: soundfile reads a pipe that a thread fills.

From a pipe libsndfile reads to the end, whatever a header counts or it would guess from a size.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.files.lengths import Piece
from musqa_pipeline.audio.files.soundfile_names import StreamedFile

_BLOCK_BYTES = 1 << 16


class Stream:
    """A piece of a file that is being decoded; the source stands at its first byte."""

    def __init__(self, source: BinaryIO, piece: Piece) -> None:
        self._source = source
        self._piece = piece
        self._failure: OSError | None = None
        self._reading, self._writing = os.pipe()
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()
        try:
            self.file = StreamedFile(self._reading, closefd=False)
        except soundfile.LibsndfileError:
            self._stop()
            raise

    def read(self, n_frames: int) -> NDArray[np.float32]:
        """Decode the next frames, shape (frames, channels); none at the end.

        A last frame that was cut off is an error to the decoder; what came before it is returned.
        """
        block = np.full((n_frames, self.file.channels), np.nan, np.float32)
        try:
            return np.asarray(self.file.read(out=block))
        except soundfile.LibsndfileError:
            return block[: int(np.count_nonzero(~np.isnan(block[:, 0])))]

    def count_unread(self) -> int:
        """Return how many bytes of the piece the decoder, which is done, did not ask for."""
        n_bytes = 0
        while block := os.read(self._reading, _BLOCK_BYTES):
            n_bytes += len(block)
        if self._failure is not None:
            raise self._failure
        return n_bytes

    def close(self) -> None:
        """Stop feeding, wherever the decoder is."""
        with contextlib.suppress(soundfile.LibsndfileError):  # which it says of every pipe
            self.file.close()
        self._stop()

    def _stop(self) -> None:
        os.close(self._reading)  # which wakes a feeder that waits
        self._feeder.join()

    def _feed(self) -> None:
        try:
            _write_all(self._writing, self._piece.head)
            left = self._piece.stop - self._piece.start
            while left and (block := self._source.read(min(left, _BLOCK_BYTES))):
                _write_all(self._writing, block)
                left -= len(block)
        except BrokenPipeError:  # closed before its end
            pass
        except OSError as error:
            self._failure = error
        finally:
            os.close(self._writing)


def _write_all(pipe: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


@contextlib.contextmanager
def stream_piece(path: Path, piece: Piece) -> Iterator[Stream]:
    """Open a piece of a file, which stands for itself, as a stream.

    Its `file` cannot seek and does not know its length. `LibsndfileError` if it cannot be decoded.
    """
    with path.open("rb") as source:
        source.seek(piece.start)
        stream = Stream(source, piece)
        try:
            yield stream
        finally:
            stream.close()
