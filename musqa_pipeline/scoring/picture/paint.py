"""A spectrogram as a PNG, with the colours, axes and legend of the page of `musqa serve`.

Pillow draws it, from the extra ``[picture]``.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from musqa_pipeline.audio.files.limits import MAX_DURATION_S
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.foreign_text import printable
from musqa_pipeline.scoring.picture.axes import hz_ticks, level_ticks, place_of, time_ticks
from musqa_pipeline.scoring.picture.colours import tint, usual_range
from musqa_pipeline.scoring.picture.levels import (
    LOWEST_DB,
    STEP_DB,
    Levels,
    as_bytes,
    measure_levels,
)
from musqa_pipeline.scoring.picture.view import MOST_COLUMNS, MOST_ROWS, View

SMALLEST_WIDTH, SMALLEST_HEIGHT = 240, 160
LEFT, TOP, RIGHT, BOTTOM = 54, 34, 14, 58
"""Pixels around the levels: frequencies, title, a little room, times and legend."""
LARGEST_WIDTH, LARGEST_HEIGHT = MOST_COLUMNS + LEFT + RIGHT, MOST_ROWS + TOP + BOTTOM
NARROWEST_DB, MOST_DB = 5.0, 200.0
_AXIS, _LEGEND_WIDTH, _FONT_SIZE = 22, 360, 12
_GROUND, _INK, _MUTED = (255, 255, 255), (24, 33, 43), (91, 102, 114)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """How large a picture is, and which levels have colours of their own."""

    width: int = 1_280
    height: int = 480
    floor_db: float | None = None
    ceiling_db: float | None = None
    """90 dB from the loudest cell, in steps of 5, where they are None."""

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("width", self.width, SMALLEST_WIDTH, LARGEST_WIDTH),
            ("height", self.height, SMALLEST_HEIGHT, LARGEST_HEIGHT),
        ):
            if not least <= value <= most:
                raise SettingsError(f"{name} {value}: expected {least} to {most} pixels")
        for name, level_db in (("floor_db", self.floor_db), ("ceiling_db", self.ceiling_db)):
            if level_db is not None and not abs(level_db) <= MOST_DB:
                raise SettingsError(f"{name} {level_db:g}: expected {-MOST_DB:g} to {MOST_DB:g}")
        if self.floor_db is not None and self.ceiling_db is not None:
            self._check(self.floor_db, self.ceiling_db)

    def range_of(self, found: Levels) -> tuple[float, float]:
        """Return floor and ceiling in dB; raise SettingsError if they are too near."""
        floor_db, ceiling_db = usual_range(float(found.cells_db.max()))
        if self.ceiling_db is not None:
            floor_db, ceiling_db = floor_db + self.ceiling_db - ceiling_db, self.ceiling_db
        floor_db = floor_db if self.floor_db is None else self.floor_db
        self._check(floor_db, ceiling_db)
        return floor_db, ceiling_db

    @staticmethod
    def _check(floor_db: float, ceiling_db: float) -> None:
        if not ceiling_db >= floor_db + NARROWEST_DB:
            raise SettingsError(
                f"floor_db {floor_db:g}, ceiling_db {ceiling_db:g}: expected the second to be "
                f"{NARROWEST_DB:g} dB higher at least"
            )


def paint(
    path: Path, view: View, sheet: Sheet, max_duration_s: float = MAX_DURATION_S
) -> tuple[bytes, Levels, tuple[float, float]]:
    """Paint what a view shows of a file.

    Parameters
    ----------
    path, view, sheet : Path, View, Sheet
        The view's columns and rows are the sheet's.
    max_duration_s : float
        What is longer is refused.

    Returns
    -------
    png : bytes
    found : Levels
    range_db : tuple of float
        Floor and ceiling of the colours.

    Raises
    ------
    UnfitInputError
        If the file is no audio, damaged, or out of the limits.
    SettingsError
        If it has nothing of what is asked for.
    """
    width, height = sheet.width - LEFT - RIGHT, sheet.height - TOP - BOTTOM
    found = measure_levels(path, replace(view, columns=width, rows=height), max_duration_s)
    floor_db, ceiling_db = sheet.range_of(found)
    # As a browser is told of them, so that both pictures are the same.
    shown_db = LOWEST_DB + STEP_DB * as_bytes(found.cells_db).astype(np.float32)
    cells = tint((shown_db.T[::-1] - floor_db) / (ceiling_db - floor_db))
    page = Image.new("RGB", (sheet.width, sheet.height), _GROUND)
    page.paste(Image.fromarray(cells), (LEFT, TOP))
    pen = ImageDraw.Draw(page)
    pen.font = ImageFont.load_default(_FONT_SIZE)
    _draw_axes(pen, found.view, width, height)
    _draw_legend(pen, floor_db, ceiling_db, min(_LEGEND_WIDTH, width - 70), sheet.height)
    frame_ms = round(1000 * found.frame_s)
    about = f"{found.view.channel}, {found.view.scale.value}, {frame_ms} ms"
    _draw_title(pen, printable(path.name), about, sheet.width)
    made = io.BytesIO()
    page.save(made, "PNG", optimize=True)
    return made.getvalue(), found, (floor_db, ceiling_db)


def _draw_axes(pen: ImageDraw.ImageDraw, view: View, width: int, height: int) -> None:
    assert view.stop_s is not None
    for hz, text in hz_ticks(view, height):
        y = TOP + height - place_of(hz, view) * height
        pen.rectangle((LEFT - 4, y, LEFT - 1, y), _MUTED)
        inside = min(TOP + height - 5, max(TOP + 5, y))
        pen.text((LEFT - 7, inside), text, _MUTED, anchor="rm")
    pen.text((LEFT - 7, TOP / 2), "Hz", _MUTED, anchor="rm")
    base = TOP + height
    for time_s, text in time_ticks(view.start_s, view.stop_s, width):
        x = LEFT + (time_s - view.start_s) / (view.stop_s - view.start_s) * width
        pen.rectangle((x, base, x, base + 3), _MUTED)
        most = LEFT + width + RIGHT - 1 - pen.textlength(text) / 2
        pen.text((min(x, most), base + _AXIS / 2 + 2), text, _MUTED, anchor="mm")


def _draw_legend(
    pen: ImageDraw.ImageDraw, floor_db: float, ceiling_db: float, width: int, sheet_height: int
) -> None:
    top = sheet_height - BOTTOM + _AXIS + 8
    for i, colour in enumerate(tint(np.linspace(0, 1, width)).tolist()):
        pen.rectangle((LEFT + i, top, LEFT + i, top + 8), tuple(colour))
    for level_db in level_ticks(floor_db, ceiling_db, width):
        x = LEFT + (level_db - floor_db) / (ceiling_db - floor_db) * width
        at = min(x, LEFT + width - 1)
        pen.rectangle((at, top + 9, at, top + 11), _MUTED)
        pen.text((x, top + 20), str(level_db), _MUTED, anchor="mm")
    pen.text((LEFT + width + 14, top + 5), "dBFS", _MUTED, anchor="lm")


def _draw_title(pen: ImageDraw.ImageDraw, name: str, about: str, width: int) -> None:
    """Write what is seen; a name that is too long ends in dots.

    Pillow's own font has few letters beside Latin ones; others are boxes.
    """
    room = width - LEFT - RIGHT
    short = name
    while len(short) > 4 and pen.textlength(f"{short} · {about}") > room:
        short = f"{short.removesuffix('...')[:-1]}..."
    pen.text((LEFT, TOP / 2), f"{short} · {about}", _INK, anchor="lm")
