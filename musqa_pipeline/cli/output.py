"""What commands print: tables for people, JSON for scripts, hints at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

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
    typer.echo(json.dumps(record, ensure_ascii=False, default=str) if as_json else text)


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
            typer.echo(json.dumps(dict(row), ensure_ascii=False, default=str))
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


def next_steps(report: Path) -> None:
    """Print where the demo's report is and three commands to try next."""
    typer.echo(
        f"\nThe report: {report}\n\n"
        "Try next:\n"
        '  .venv/bin/musqa query "SELECT last_name, round(avg(mos), 2) AS mos FROM labels '
        'JOIN degradations USING (degraded_id) GROUP BY 1 ORDER BY 2"\n'
        "  .venv/bin/dagster dev                     # the graph, at http://localhost:3000\n"
        "  .venv/bin/musqa catalog add ~/Music       # then: .venv/bin/musqa run --preset musqa"
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
