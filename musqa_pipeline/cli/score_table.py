"""Scores as a table for people: a line a file, and what is to be said of it below.

Lines are printed as files are done, so that widths follow from the names and the terminal alone:
names take what the other columns leave, and are shortened. In a pipe names are whole, there are
neither colours nor bars, and what is to be said ends the line, so that `grep` finds a file with it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.text import Text

from musqa_pipeline.cli import output
from musqa_pipeline.cli.score_text import NOTES, STYLES, interval_text
from musqa_pipeline.core.foreign_text import printable
from musqa_pipeline.scoring.batch import Result
from musqa_pipeline.scoring.causes import plain_sentence
from musqa_pipeline.scoring.origin.verdict import LIKELY, LOSSY_FILE, POSSIBLE
from musqa_pipeline.scoring.score import Origin, Score
from musqa_pipeline.scoring.words import HIGHEST_MOS, LOWEST_MOS

if TYPE_CHECKING:
    from rich.console import Console

SHORTEST_NAME, LONGEST_NAME, LONGEST_PIPED_NAME = 16, 60, 100
SHORTEST_REMARK = 20
BARS = {110: 14, 90: 10, 0: 8}
"""Cells of the bar, by the least width of the terminal."""
WITH_INTERVAL = 110
"""Width from which a terminal has room for the interval in numbers, too."""
MADE_FROM = {POSSIBLE: "Possibly", LIKELY: "Likely"}
SHORT_VERDICTS = {POSSIBLE: "lossy?", LIKELY: "lossy"}
WITH_VERDICTS = 100
"""Width from which verdicts on the origin are written out."""
INTERVAL = "90 %"
VERDICT_STYLES = {POSSIBLE: "yellow", LIKELY: "red", LOSSY_FILE: "dim"}
CLIPS_ABOVE_DBTP = 0.0


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    heading: str
    width: int
    is_number: bool = False


class ScoreTable:
    """Writes scores as they come.

    Parameters
    ----------
    names : sequence of str
        Names of files to come, as many as are known; of others those that are longer push their
        line to the right in a pipe.
    console : Console, optional
        Where to; standard output when left out.
    """

    def __init__(self, names: Sequence[str] = (), console: Console | None = None) -> None:
        self._console = console or output.plain_console()
        self._piped = not self._console.is_terminal
        width = self._console.width
        self._bar = 0 if self._piped else next(n for least, n in BARS.items() if width >= least)
        self._long_verdicts = self._piped or width >= WITH_VERDICTS
        self._columns = [
            Column("score", 5, True),
            *[Column("1" + "4.7".rjust(self._bar - 1), self._bar)] * bool(self._bar),
            *[Column(INTERVAL, 9)] * (self._piped or width >= WITH_INTERVAL),
            Column("word", 14),
            Column("origin", 14 if self._long_verdicts else 7),
            Column("kHz", 4, True),
            Column("LUFS", 5, True),
            Column("dBTP", 5, True),
        ]
        taken = sum(column.width + 2 for column in self._columns)
        longest = max((cell_len(_name(name)) for name in names), default=LONGEST_NAME)
        room = LONGEST_PIPED_NAME if self._piped else max(SHORTEST_NAME, width - taken)
        self._name = max(len("file"), min(longest, room))
        self._has_head = False

    def add(self, result: Result) -> None:
        """Print a file."""
        if not self._has_head:
            cells = [_cell(Text(c.heading), c) for c in self._columns]
            head = Text("  ").join([Text("file".ljust(self._name)), *cells])
            self._print(head if self._piped else Text(head.plain.rstrip(), "bold"))
            self._has_head = True
        name = _name(result.name)
        shown = name if self._piped else shortened(name, self._name)
        cells = [_cell(*pair) for pair in zip(self._cells(result), self._columns, strict=True)]
        room = max(self._name, cell_len(shown)) if self._piped else self._name
        line = Text("  ").join([Text(set_cell_size(shown, room)), *cells])
        remark, style = remark_of(result)
        if self._piped:
            self._print(Text(f"{line.plain}  {remark}".rstrip()))
            return
        line.rstrip()
        self._print(line)
        if remark:
            room = max(SHORTEST_REMARK, self._console.width - 3)
            for part in Text(remark).wrap(self._console, room):
                self._print(Text("  ").append(part.plain.rstrip(), style))

    def add_lines(self, lines: list[str]) -> None:
        """Print lines that belong to the file above; theirs are the colours of `score_text`."""
        for line in lines:
            self._print(Text.from_ansi(line))

    def _print(self, line: Text) -> None:
        output.line(self._console, line)

    def _cells(self, result: Result) -> list[Text]:
        score = result.score
        if score is None or score.mos is None:
            word = Text("error", "red") if score is None else Text(score.abstained, "bold")
            known = [Text("")] * 4 if score is None else self._known(score)
            blank = len(self._columns) - 2 - len(known)
            return [Text("-"), *[Text("")] * blank, word, *known]
        style = STYLES.get(score.word, "")
        cells = [Text(f"{score.mos:.2f}", f"bold {style}")]
        if self._bar:
            cells.append(self._bar_of(score.mos, score.mos_low, score.mos_high, style))
        if any(column.heading == INTERVAL for column in self._columns):
            cells.append(Text(interval_text(score.mos_low, score.mos_high).replace(" to ", "-")))
        return [*cells, Text(score.words, style), *self._known(score)]

    def _bar_of(
        self, mos: float, mos_low: float | None, mos_high: float | None, style: str
    ) -> Text:
        """Draw the scale, the interval on it and the score in that."""
        utf = not self._console.options.ascii_only
        track, reach, point = ("·", "━", "●") if utf else (".", "=", "O")

        def place(mos: float) -> int:
            share = (mos - LOWEST_MOS) / (HIGHEST_MOS - LOWEST_MOS)
            return round(max(0.0, min(1.0, share)) * (self._bar - 1))

        at = place(mos)
        low, high = (at if end is None else place(end) for end in (mos_low, mos_high))
        bar = Text()
        for i in range(self._bar):
            inside = low <= i <= high
            drawn = point if i == at else reach if inside else track
            bar.append(drawn, style if inside else "dim")
        return bar

    def _known(self, score: Score) -> list[Text]:
        """Return the cells of what is known without a score, too."""
        peak = score.true_peak_dbtp
        return [
            self._origin_of(score.origin),
            _number(score.bandwidth_hz, 1e-3),
            _number(score.loudness_lufs, 1.0),
            _number(peak, 1.0, "yellow" if peak is not None and peak > CLIPS_ABOVE_DBTP else ""),
        ]

    def _origin_of(self, origin: Origin | None) -> Text:
        if origin is None:
            return Text("")
        verdict, style = origin.verdict, VERDICT_STYLES.get(origin.verdict, "")
        if not self._long_verdicts:
            verdict = SHORT_VERDICTS.get(verdict, verdict)
            if origin.verdict == LOSSY_FILE:
                verdict = origin.codec
        return Text(printable(verdict), style)


def remark_of(result: Result) -> tuple[str, str]:
    """Say what the columns do not, and give its style: why, what was found, what went wrong."""
    score = result.score
    if score is None:
        return printable(result.error), "red"
    if score.mos is None:
        return printable(score.reason), ""
    plain = plain_sentence(score.mos, score.mos_low, score.mos_high)
    texts = [score.sentence.removeprefix(plain).strip()]
    origin = score.origin
    if origin is not None and origin.verdict in MADE_FROM and origin.codec:
        texts.append(f"{MADE_FROM[origin.verdict]} made from {origin.codec}.")
    notes = "; ".join(NOTES[flag] for flag in score.flags if flag in NOTES)
    texts.append(f"{notes[:1].upper()}{notes[1:]}." if notes else "")
    return printable(" ".join(text for text in texts if text)), "dim"


def shortened(name: str, width: int) -> str:
    """Fit a path into cells: without its first folders, its ending, the middle of its name."""
    if cell_len(name) <= width:
        return name
    folders = name.split("/")
    for first in range(1, len(folders)):
        rest = "…/" + "/".join(folders[first:])
        if cell_len(rest) <= width:
            return rest
    last = PurePosixPath(folders[-1]).stem
    if cell_len(last) < width:
        return f"{last}…"
    n_head = (width - 1) // 2
    head = next(iter(chop_cells(last, n_head)), "")
    n_tail = width - 1 - cell_len(head)
    tail = last[::-1]
    while cell_len(tail) > n_tail:
        tail = tail[:-1]
    return f"{head}…{tail[::-1]}"


def _name(name: str) -> str:
    return printable(os.fsencode(name))


def _cell(text: Text, column: Column) -> Text:
    text = text.copy()
    text.align("right" if column.is_number else "left", max(column.width, text.cell_len))
    return text


def _number(value: float | None, factor: float, style: str = "") -> Text:
    return Text("" if value is None else f"{value * factor:z.1f}", style)
