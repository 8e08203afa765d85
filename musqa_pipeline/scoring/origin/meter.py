"""The origin of a recording, from samples that come block by block, in flat memory.

Of a long recording pieces are kept that are spread over it. Where they lie depends on sample counts
alone, so that blocks of any size give the same answer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.scoring.origin.grid import Piece, find_grids
from musqa_pipeline.scoring.origin.spectrum import analyse
from musqa_pipeline.scoring.origin.verdict import HINT, PROOF, has_edge, lossy_file, origin_of
from musqa_pipeline.scoring.score import Origin

PIECE_S = 2.5
MOST_PIECES = 12
"""When there are more, every second one is dropped, and of what follows every second is kept."""
MOST_CHANNELS = 2
SILENT_RMS = 10 ** (-60 / 20)
"""A piece below -60 dBFS is a pause and tells nothing."""
LEAST_RATE_HZ = 32_000
"""Below this rate the edges and frames of codecs lie above what the file can hold."""


class OriginMeter:
    """Says whether a stream was coded by a lossy codec before.

    Parameters
    ----------
    sample_rate_hz : int
        Of the stream; below `LEAST_RATE_HZ` there is no answer.
    lossy_codec : str
        ffmpeg's name of the codec of a file that is lossy itself, whose samples say nothing then.
    """

    def __init__(self, sample_rate_hz: int, lossy_codec: str = "") -> None:
        self._lossy_codec = lossy_codec
        self._rate = sample_rate_hz
        self._size = round(PIECE_S * sample_rate_hz)
        self._pieces: dict[int, Piece] = {}
        """Pieces with sound by their number."""
        self._stride = 1
        self._open: list[NDArray[np.float32]] = []
        self._start = self._n_open = self._number = 0

    def push(self, block: NDArray[np.float32], start_frame: int | None = None) -> None:
        """Take the next samples, float32 (frames, channels), finite; two channels are heard.

        `start_frame` is the place of the first in the recording where some were passed over.
        """
        if self._rate < LEAST_RATE_HZ or self._lossy_codec:
            return
        if start_frame is not None:
            self._open, self._n_open, self._start = [], 0, start_frame
        at = 0
        while at < len(block):
            part = block[at : at + self._size - self._n_open]
            at += len(part)
            self._n_open += len(part)
            if self._number % self._stride == 0:
                self._open.append(part[:, :MOST_CHANNELS].copy())
            if self._n_open == self._size:
                self._close()

    def origin(self) -> Origin | None:
        """Return the verdict on what was heard so far; None where nothing can be told."""
        if self._lossy_codec:
            return lossy_file(self._lossy_codec)
        pieces = list(self._pieces.values())
        if not pieces and self._open:
            pieces = [Piece(self._start, np.concatenate(self._open))]
        pieces = [piece for piece in pieces if _sounds(piece.samples)]
        if not pieces:
            return None
        spectrum = analyse([to_mono(piece.samples) for piece in pieces], self._rate)
        grids = find_grids(pieces, self._rate)
        if has_edge(spectrum) and all(grid.strength < HINT for grid in grids):
            # Something cut it; a codec would have left a grid, in frames that were passed over.
            found = find_grids(pieces, self._rate, thorough=True)
            grids = [grid for grid in found if grid.strength >= PROOF]
        return origin_of(spectrum, grids)

    def _close(self) -> None:
        if self._open:
            piece = Piece(self._start, np.concatenate(self._open))
            if _sounds(piece.samples):
                self._pieces[self._number] = piece
        self._open, self._n_open = [], 0
        self._start += self._size
        self._number += 1
        while len(self._pieces) > MOST_PIECES:
            self._stride *= 2
            self._pieces = {n: p for n, p in self._pieces.items() if n % self._stride == 0}


def _sounds(samples: NDArray[np.float32]) -> bool:
    return bool(np.mean(np.square(samples, dtype=np.float64)) > SILENT_RMS**2)
