"""Sections of sound between silences, and how windows share their sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CELL_S = 0.1
"""Sound is noted in steps of this length."""


@dataclass
class Section:
    """Sound between two silences."""

    start_frame: int
    stop_frame: int
    """After the last sound."""
    _sounding: bytearray = field(default_factory=bytearray)

    def mark(self, cells: NDArray[np.int64]) -> None:
        """Note which cells of `CELL_S`, counted from the start and rising, hold sound."""
        self._sounding.extend(bytes(max(0, int(cells[-1]) + 1 - len(self._sounding))))
        np.frombuffer(self._sounding, np.uint8)[cells] = 1

    def sounding(self, span: slice) -> NDArray[np.bool_]:
        """Return for each cell of a part, as far as the section goes, whether it holds sound."""
        return np.frombuffer(bytes(self._sounding[span]), np.bool_)


def shares_s(
    sections: Sequence[Section], windows: Iterable[tuple[int, int, int]], cell_frames: int
) -> NDArray[np.float64]:
    """Return the seconds of sound that each window speaks for, float64 (n_windows,).

    A window is the number of its section, its first frame and the one after its last. Each second
    of sound counts once, and windows that overlap share it.
    """
    spans = [
        (number, cell_span(start, stop, sections[number], cell_frames))
        for number, start, stop in windows
    ]
    shares = np.zeros(len(spans))
    for number in {number for number, _ in spans}:
        sound = sections[number].sounding(slice(None)).astype(np.float64)
        covered = np.zeros(len(sound))
        for other, span in spans:
            if other == number:
                covered[span] += 1
        per_cell = np.divide(sound, covered, out=np.zeros_like(sound), where=covered > 0)
        for i, (other, span) in enumerate(spans):
            if other == number:
                shares[i] = per_cell[span].sum() * CELL_S
    return shares


def cell_span(start_frame: int, stop_frame: int, section: Section, cell_frames: int) -> slice:
    """Return the cells of a section that a window of the recording covers, at least one."""
    return slice(
        round((start_frame - section.start_frame) / cell_frames),
        max(1, round((stop_frame - section.start_frame) / cell_frames)),
    )
