"""Where the windows of a recording lie: sections of sound, cut into windows, in flat memory.

A recording is a row of sections, parted by `GAP_S` of silence or more. Windows are counted from
the first sound of a section, and the last one ends with its last sound. So silence in front, at the
end or between two movements moves no window against the music and weighs nothing. Silence is
relative to the loudest sample so far, so that a gain changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_S, SAMPLE_RATE_HZ
from musqa_pipeline.core.errors import SettingsError

CELL_S = 0.1
"""Sound is noted in steps of this length."""
LEAST_HOP_S = 0.5
SHORTEST_S = 3.0
"""ViSQOL's advice for its signals is 3 to 10 s; with less sound there is no score."""
LEAST_SOUND_S = SHORTEST_S - CELL_S / 2
"""What is taken for it: a file of 3 s may begin and end with a few samples of silence."""
SILENT_BELOW_PEAK_DB = 70.0
"""Samples so far below the loudest one are silence: the dither of 16 bit, not a soft passage."""
LOOKAHEAD_S = 30.0
"""Heard before the first section may begin, so that its silence is measured against music."""
GAP_S = 10.0
"""So much silence would fill a window; a section ends before it."""
LEAST_REST_S = 0.5
"""A rest at a section's end that is shorter gets no window of its own."""
MARGIN_S = 0.1
"""Kept before and after a window, so that the resampler starts and ends on music."""
_STEP_S = 1.0


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


@dataclass(frozen=True, eq=False)
class Window:
    """A piece of a recording, at its own rate."""

    section: int
    start_frame: int
    stop_frame: int
    """Of the recording."""
    mono: NDArray[np.float32]
    """What lies between, with `margin_frames` of what is around it before and after."""
    margin_frames: int
    sound_s: float
    """How much of it is sound."""


def checked_lengths(window_s: float | None, hop_s: float | None) -> tuple[float, float]:
    """Return the length of windows, by default 10 s, and from start to start, by default the same.

    Raises
    ------
    SettingsError
        Unless they are 3 to 10 s, and 0.5 s or more.
    """
    window_s = float(EXCERPT_S) if window_s is None else window_s
    hop_s = window_s if hop_s is None else hop_s
    if not SHORTEST_S <= window_s <= EXCERPT_S:
        raise SettingsError(
            f"window={window_s:g} s: expected {SHORTEST_S:g} to {EXCERPT_S} s, which is what "
            "the model hears at a time"
        )
    if not (math.isfinite(hop_s) and hop_s >= LEAST_HOP_S):
        raise SettingsError(f"hop={hop_s:g} s: expected at least {LEAST_HOP_S:g} s")
    return window_s, hop_s


class WindowCutter:
    """Cuts a mono stream into windows as it comes, 3 to 10 s long and `hop_s` from start to start.

    Raise SettingsError if a length is out of range.
    """

    def __init__(
        self, sample_rate_hz: int, *, window_s: float | None = None, hop_s: float | None = None
    ) -> None:
        window_s, self._hop_s = checked_lengths(window_s, hop_s)
        self._rate = sample_rate_hz
        self._window = round(window_s * sample_rate_hz)
        self._margin = margin_frames(sample_rate_hz)
        self.cell_frames = max(1, round(CELL_S * sample_rate_hz))
        self.sections: list[Section] = []
        """All so far, those without a window too."""
        self._open: Section | None = None
        self._n_cut = 0
        self._cut_to = 0
        self._data = np.zeros(0, np.float32)
        self._base = self._done = 0
        self._pending: list[NDArray[np.float32]] = []
        self._n_pending = 0
        self._peak = 0.0

    def push(self, mono: NDArray[np.float32]) -> list[Window]:
        """Take the next samples, float32 (frames,), finite; return the windows complete now."""
        self._pending.append(mono)
        self._n_pending += len(mono)
        wanted_s = LOOKAHEAD_S if self._peak == 0 else _STEP_S
        if self._n_pending < wanted_s * self._rate:
            return []
        return self._take()

    def finish(self) -> list[Window]:
        """Return the windows that were waiting for more."""
        windows = self._take() if self._n_pending else []
        if self._open:
            windows += self._close()
        return windows

    def _take(self) -> list[Window]:
        new = np.concatenate(self._pending)
        self._pending, self._n_pending = [], 0
        self._data = np.concatenate([self._data, new])
        levels = np.abs(new)
        self._peak = max(self._peak, float(levels.max(initial=0.0)))
        sound = np.flatnonzero(levels > self._peak * 10 ** (-SILENT_BELOW_PEAK_DB / 20))
        sound += self._done
        self._done += len(new)
        windows: list[Window] = []
        breaks = np.flatnonzero(np.diff(sound) > GAP_S * self._rate) + 1
        for run in np.split(sound, breaks):
            if len(run):
                windows += self._extend(run)
        if self._open:
            windows += self._cut_ready()
            if self._done - self._open.stop_frame > GAP_S * self._rate:
                windows += self._close()
        self._forget()
        return windows

    def _extend(self, sound: NDArray[np.int64]) -> list[Window]:
        """Add frames that hold sound to the open section, or open one."""
        windows = []
        if self._open and sound[0] - self._open.stop_frame >= GAP_S * self._rate:
            windows = self._close()
        first, last = int(sound[0]), int(sound[-1])
        if not self._open:
            self._open = Section(first, last + 1)
            self.sections.append(self._open)
            self._n_cut, self._cut_to = 0, first
        section = self._open
        section.stop_frame = last + 1
        cells = (sound - section.start_frame) // self.cell_frames
        section.mark(cells[np.diff(cells, prepend=-1) > 0])
        return windows

    def _next_start(self, section: Section) -> int:
        return section.start_frame + round(self._n_cut * self._hop_s * self._rate)

    def _cut_ready(self, *, closing: bool = False) -> list[Window]:
        section = self._open
        assert section is not None
        windows: list[Window] = []
        while True:
            start = self._next_start(section)
            stop = start + self._window
            # Not before sound is known at its end: else the section may end within it.
            if stop > section.stop_frame or not (closing or stop + self._margin <= self._done):
                return windows
            windows.append(self._cut(section, start, stop))
            self._n_cut += 1

    def _close(self) -> list[Window]:
        """End the open section: its last window ends where it does."""
        section = self._open
        assert section is not None
        windows = self._cut_ready(closing=True)
        stop = section.stop_frame
        length = stop - section.start_frame
        if length < self._window:
            if length >= LEAST_SOUND_S * self._rate:
                windows.append(self._cut(section, section.start_frame, stop))
        elif stop - self._cut_to >= LEAST_REST_S * self._rate:
            windows.append(self._cut(section, stop - self._window, stop))
        self._open = None
        return windows

    def _cut(self, section: Section, start: int, stop: int) -> Window:
        first, last = start - self._margin, stop + self._margin
        inside = self._data[max(0, first - self._base) : last - self._base]
        before = max(0, self._base - first)
        mono = np.zeros(last - first, np.float32)
        mono[before : before + len(inside)] = inside
        sound = section.sounding(_cell_span(start, stop, section, self.cell_frames))
        self._cut_to = stop
        return Window(
            section=len(self.sections) - 1,
            start_frame=start,
            stop_frame=stop,
            mono=mono,
            margin_frames=self._margin,
            sound_s=min(float(np.count_nonzero(sound)) * CELL_S, (stop - start) / self._rate),
        )

    def _forget(self) -> None:
        keep = self._done
        if self._open:
            keep = min(self._next_start(self._open), self._open.stop_frame - self._window)
        drop = min(max(0, keep - self._margin - self._base), len(self._data))
        if drop:
            self._data = self._data[drop:].copy()
            self._base += drop


def margin_frames(sample_rate_hz: int) -> int:
    """Return the margin around a window, a whole number of frames before and after resampling.

    It is at least `MARGIN_S`, and at most 1 s more.
    """
    unit = sample_rate_hz // math.gcd(sample_rate_hz, SAMPLE_RATE_HZ)
    return math.ceil(MARGIN_S * sample_rate_hz / unit) * unit


def shares_s(
    sections: Sequence[Section], windows: Iterable[tuple[int, int, int]], cell_frames: int
) -> NDArray[np.float64]:
    """Return the seconds of sound that each window speaks for, float64 (n_windows,).

    A window is the number of its section, its first frame and the one after its last. Each second
    of sound counts once, and windows that overlap share it.
    """
    spans = [
        (number, _cell_span(start, stop, sections[number], cell_frames))
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


def _cell_span(start_frame: int, stop_frame: int, section: Section, cell_frames: int) -> slice:
    """Return the cells of a section that a window of the recording covers, at least one."""
    return slice(
        round((start_frame - section.start_frame) / cell_frames),
        max(1, round((stop_frame - section.start_frame) / cell_frames)),
    )
