"""`musqa query`: SQL on the tables, as a table for people, JSON or CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import CsvOption, JsonOption, one_form
from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.home import home_folder

HELP = """Ask the tables with SQL, as DuckDB has it; docs/tables.md explains every column.

On a terminal, what is longer or wider than it goes through $PAGER, or less. Headings can be pasted
into the next query; JSON and CSV have values whole that the table folds.

Examples:

\b
  musqa query "SHOW ALL TABLES"
  musqa query "SELECT last_name, avg(mos) FROM labels JOIN degradations
    USING (catalog, degraded_id) GROUP BY 1 ORDER BY 2"
  musqa query "FROM tracks" --csv > tracks.csv
"""


def query(
    sql: Annotated[str, typer.Argument(help='For example "SELECT count(*) FROM labels".')],
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Query the views of musqa.duckdb; `HELP` says it to users."""
    one_form(as_json=as_json, as_csv=as_csv)
    import duckdb

    from musqa_pipeline.stages.views.queries import query as run_query

    try:
        frame = run_query(home_folder(), sql)
    except duckdb.Error as error:
        hint = '`musqa query "SHOW ALL TABLES"` lists the views'
        raise MusqaError(f"query failed: {error}\n{hint}") from error
    if as_csv:
        output.data(output.csv_text(frame), nl=False)
    elif as_json:
        output.table(frame.to_dicts(), frame.columns, as_json=True, empty="")
    else:
        headings = dict(zip(frame.columns, sql_names(frame.columns), strict=True))
        output.long_table(frame.to_dicts(), headings, empty="no rows")


def sql_names(names: Iterable[str]) -> list[str]:
    """Write names of columns as SQL takes them: in quotes where it would read something else."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        words = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    reserved = {word for (word,) in words}
    return [
        name
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in reserved
        else '"' + name.replace('"', '""') + '"'
        for name in names
    ]
