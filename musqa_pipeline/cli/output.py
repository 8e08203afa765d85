"""What commands print: tables for people, JSON for scripts, hints at the end."""

from __future__ import annotations

import base64
import io
import math
import os
import pydoc
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from musqa_pipeline.core.csv_files import csv_of, guarded
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.foreign_text import LINES, json_text, printable
from musqa_pipeline.core.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

REPORT_COLUMNS = (
    "stage", "catalog", "units", "made", "rows", "quarantined", "seconds", "cpu_seconds",
)  # fmt: skip
WIDEST = 100_000
"""Columns of a table that no edge of a terminal cuts."""
LONGEST_LIST, LEFT_OF_LIST = 8, 3
"""A list of more values is folded to its first."""


def say(text: str, *, err: bool = False) -> None:
    """Print lines for people: a terminal shows every character and obeys none."""
    typer.echo(printable(text, LINES), err=err)


def data(text: str, *, nl: bool = True) -> None:
    """Print JSON or CSV: byte for byte to a file or a program, as `say` does to a terminal."""
    # With colours, for without them click takes escape sequences out of what goes to a file.
    typer.echo(printable(text, LINES) if sys.stdout.isatty() else text, nl=nl, color=True)


def coloured(text: str) -> None:
    """Print a text with colours of ours, in which what is foreign is printable already."""
    typer.echo(text)


def plain_console() -> Console:
    """Return standard output as rich sees it, which shows texts as they are."""
    return Console(highlight=False, markup=False, emoji=False)


def line(console: Console, text: Text) -> None:
    """Print a line with colours of ours, never broken; what is foreign is printable already."""
    if console.options.ascii_only:  # a terminal of before UTF-8 gets what it has
        text = text.copy()
        text.plain = text.plain.encode(console.encoding, "replace").decode(console.encoding)
    console.print(text, soft_wrap=True)


def emit(record: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print one record: as a line of JSON, or as text."""
    if as_json:
        data(json_text(_plain(record)))
    else:
        say(text)


def write_wav(path: Path, samples: NDArray) -> None:
    """Write samples at 48 kHz, full scale 1.0, as floats of 32 bits, whole or not at all."""
    import soundfile

    from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

    made = io.BytesIO()  # of a file, libsndfile's errors do not say what the system said
    soundfile.write(made, samples, SAMPLE_RATE_HZ, format="WAV", subtype="FLOAT")
    write_whole(path, made.getvalue())


def table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool,
    as_csv: bool = False,
    empty: str,
) -> None:
    """Print rows: JSON objects, CSV, or a table, with their problems if there are any."""
    rows = list(rows)
    if as_csv:
        data(csv_of([columns, *([row.get(name) for name in columns] for row in rows)]), nl=False)
        return
    if "problem" not in columns and any(row.get("problem") for row in rows):
        columns = [*columns, "problem"]
    if as_json:
        for row in rows:
            data(json_text(_plain(row)))
        return
    if not rows:
        say(empty)
        return
    shown = _table(rows, {name: name.replace("_", " ") for name in columns})
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False, emoji=False).print(shown)


def stage_reports(reports: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print what stages did: a row a stage and catalog, for people only where there is something.

    JSON has all.
    """
    from musqa_pipeline.stages.engine.run_costs import COUNTS  # loads Arrow

    shown, idle = [], {}
    for report in reports:
        if as_json or any(report.get(name) for name in (*COUNTS, "problem")):
            shown.append(report)
        else:
            idle[report["stage"]] = report
    table(shown, REPORT_COLUMNS, as_json=as_json, empty="nothing to do")
    if idle and shown:
        say(f"\nnothing to do for this preset: {', '.join(idle)}")


def long_table(
    rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str], *, empty: str
) -> None:
    """Print rows of any number and width, a line each: on a terminal that they leave, by a pager.

    `headings` says what stands above each column.
    """
    if not rows:
        say(empty)
        return
    on_terminal = sys.stdout.isatty()
    written = io.StringIO()
    console = Console(
        width=WIDEST, file=written, force_terminal=on_terminal, highlight=False, markup=False,
        emoji=False,
    )  # fmt: skip
    console.print(_table(rows, headings))
    text = "\n".join(line.rstrip() for line in written.getvalue().splitlines())
    size = shutil.get_terminal_size()
    lines = Text.from_ansi(text).split()
    fits = len(lines) < size.lines and max(line.cell_len for line in lines) <= size.columns
    if fits or not on_terminal:
        typer.echo(text)
        return
    # As git has it, and no line is broken: arrows go to what is beyond the edge.
    os.environ.setdefault("LESS", "FRSX")
    pydoc.pager(text)


def _table(rows: Iterable[Mapping[str, Any]], headings: Mapping[str, str]) -> Table:
    rows = list(rows)
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name, heading in headings.items():
        number = any(isinstance(row.get(name), int | float) for row in rows)
        shown.add_column(_text(heading), justify="right" if number else "left")
    for row in rows:
        shown.add_row(*(_text(_cell(row.get(name))) for name in headings))
    return shown


def csv_text(frame: pl.DataFrame) -> str:
    """Write a table as CSV, what CSV has no form for as JSON."""
    import polars as pl

    def as_text(value: Any) -> str:
        plain = _plain(value)
        return plain if isinstance(plain, str) else json_text(plain)

    def writable(column: pl.Series) -> pl.Series:
        kinds = (pl.String, pl.Binary, pl.Object, pl.Categorical, pl.Enum)
        if not (column.dtype.is_nested() or column.dtype in kinds):
            return column
        texts = [None if value is None else guarded(as_text(value)) for value in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)

    named = frame.rename({name: guarded(name) for name in frame.columns})
    return named.select(map(writable, named.get_columns())).write_csv() if frame.width else ""


def next_steps(report: Home) -> None:
    """Print where the demo's report is and three commands to try next."""
    say(
        f"\nThe report: {report}\n\n"
        "Try next:\n"
        '  .venv/bin/musqa query "SELECT last_name, round(avg(mos), 2) AS mos FROM labels '
        'JOIN degradations USING (catalog, degraded_id) GROUP BY 1 ORDER BY 2"\n'
        "  make ui                                   # the graph, at http://localhost:3000\n"
        "  .venv/bin/musqa catalog add ~/Music       # then: .venv/bin/musqa run --preset musqa"
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN and infinity are null, bytes base64, times text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal):  # DuckDB's sums of integers are some
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _text(shown: str) -> Text:
    """Return a cell that has no markup, no pictures by name and no control characters."""
    return Text(printable(shown, LINES))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, list):
        n_left = len(value) if len(value) <= LONGEST_LIST else LEFT_OF_LIST
        shown = [_cell(item) for item in value[:n_left]]
        return f"[{', '.join(shown + [f'… {len(value)} values'] * (n_left < len(value)))}]"
    return str(value)
