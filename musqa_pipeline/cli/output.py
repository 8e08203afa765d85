"""What commands print: tables for people, JSON for scripts, hints at the end."""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from musqa_pipeline.homes import Home

if TYPE_CHECKING:
    import polars as pl

REPORT_COLUMNS = (
    "stage",
    "catalog",
    "units",
    "made",
    "rows",
    "quarantined",
    "seconds",
    "cpu_seconds",
)


def emit(record: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print one record: as a line of JSON, or as text.

    Parameters
    ----------
    record : mapping
        For scripts.
    text : str
        For people.
    as_json : bool
        Which of the two.
    """
    typer.echo(json.dumps(_plain(record), ensure_ascii=False) if as_json else text)


def table(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str
) -> None:
    """Print rows: one JSON object a line, or a table.

    Parameters
    ----------
    rows : iterable of mapping
        What to print.
    columns : sequence of str
        Columns of the table, in order; JSON has all keys.
    as_json : bool
        Which of the two.
    empty : str
        Said in place of a table without rows.
    """
    rows = list(rows)
    if as_json:
        for row in rows:
            typer.echo(json.dumps(_plain(row), ensure_ascii=False))
        return
    if not rows:
        typer.echo(empty)
        return
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        number = any(isinstance(row.get(name), int | float) for row in rows)
        shown.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in rows:
        shown.add_row(*(_cell(row.get(name)) for name in columns))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(shown)


def csv_text(frame: pl.DataFrame) -> str:
    """Write a table as CSV, what CSV has no form for as JSON.

    Parameters
    ----------
    frame : polars.DataFrame
        A result; lists and structures become JSON, bytes base64.

    Returns
    -------
    str
        With a header line; empty for a table without columns.
    """
    import polars as pl

    def as_text(value: Any) -> str:
        plain = _plain(value)
        return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)

    def writable(column: pl.Series) -> pl.Series:
        if not (column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object)):
            return column
        texts = [None if value is None else as_text(value) for value in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)

    return frame.select(map(writable, frame.get_columns())).write_csv() if frame.width else ""


def next_steps(report: Home) -> None:
    """Print where the demo's report is and three commands to try next."""
    typer.echo(
        f"\nThe report: {report}\n\n"
        "Try next:\n"
        '  .venv/bin/musqa query "SELECT last_name, round(avg(mos), 2) AS mos FROM labels '
        'JOIN degradations USING (catalog, degraded_id) GROUP BY 1 ORDER BY 2"\n'
        "  .venv/bin/dagster dev                     # the graph, at http://localhost:3000\n"
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


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
