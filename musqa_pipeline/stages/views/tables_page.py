"""Writes the page of tables, `make docs`: ``python -m … docs/tables.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from musqa_pipeline.stages.views.duck import VIEWS, view_columns


def tables_page() -> str:
    """Return the page that describes every view, column by column."""
    lines = [
        "# Tables",
        "",
        "The views of `musqa.duckdb`: one schema per preset (`demo.labels`), and the preset that",
        "ran last also in `main` (`labels`). To a client of DuckDB's own the file is called",
        "`musqa` too: there, a view of the preset `musqa` is `musqa.musqa.labels`. This page is",
        "made from the schemas by `make docs`.",
        "",
    ]
    for name, table in VIEWS.items():
        lines += [
            f"## {name}",
            "",
            f"One row is {table.row_is}.",
            "",
            "| column | type | meaning |",
            "| --- | --- | --- |",
        ]
        lines += [f"| `{c.name}` | {c.type} | {c.doc} |" for c in view_columns(table)]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(tables_page(), encoding="utf-8")
