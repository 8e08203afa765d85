"""Finished trainings by names that people type: columns of their row, joined by hyphens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.home import Home
from musqa_pipeline.stages.views.duck import query


def named_run(
    home: Home, view: str, name_columns: Sequence[str], run: str | None, *, nothing: str
) -> tuple[str, dict[str, Any]]:
    """Return the name and the row of a finished training; the first there is where none is named.

    Raises SettingsError if there is none of that name, or, saying `nothing`, none at all.
    """
    order = ", ".join(name_columns)
    rows = query(home, f"SELECT * FROM {view} WHERE finished ORDER BY {order}").to_dicts()
    runs = {"-".join(str(row[column]) for column in name_columns): row for row in rows}
    if not runs:
        raise SettingsError(nothing)
    name = next(iter(runs)) if run is None else run
    if name not in runs:
        raise SettingsError(f"--run {name!r}: there is {', '.join(runs)}")
    return name, runs[name]
