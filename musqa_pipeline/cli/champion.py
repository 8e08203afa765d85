"""`musqa model history` and `refreeze`: which model was champion when, and on which test rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, PresetOption, needs
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.core.home import home_folder

if TYPE_CHECKING:
    from musqa_pipeline.stages.engine.context import Context

CHAMPION = "champion"
"""What stands for the champion where a training's folder could stand."""
LIBRARIES = ("polars", "pyarrow", "duckdb")
COLUMNS = [
    "number", "champion", "decided_utc", "decision", "network", "rmse", "against", "difference",
    "at_most", "recordings", "new", "reason",
]  # fmt: skip


def history(preset: PresetOption = "demo", as_json: JsonOption = False) -> None:
    """Show every decision on a model: promoted, kept out, disqualified, and why."""
    context = _context(preset)
    from musqa_pipeline.release.promotion.publish import history_rows
    from musqa_pipeline.release.promotion.reports import page_key

    rows = history_rows(context)
    if as_json:
        output.table(rows, [], as_json=True, empty="")
        return
    shown = [
        {
            **row,
            "champion": "*" if row["is_champion"] else "",
            "rmse": row["rmse_points"],
            "against": row["champion_rmse_points"],
            "difference": row["difference_points"],
            "at_most": row["upper_points"],
            "recordings": row["n_recordings"],
            "new": row["n_new_recordings"],
        }
        for row in rows
    ]
    name = context.preset.name
    empty = f"preset {name} has decided on no model yet; see [promotion] in docs/promotion.md"
    output.table(shown, COLUMNS, as_json=False, empty=empty)
    if rows:
        page = context.lake.store.address(page_key(name))
        output.say(f"\nRMSE in points of 100, over time: {page}")


def refreeze(
    preset: PresetOption = "demo",
    note: Annotated[str, typer.Option("--note", help="Why, for the history.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Let the test recordings that came since join the frozen ones; the history records it."""
    needs(LIBRARIES, "musqa model refreeze", kind=ModelError)
    from musqa_pipeline.release.promotion.promote import refreeze as join
    from musqa_pipeline.release.promotion.publish import show_history
    from musqa_pipeline.stages.graph import joint_context, load_preset

    context = joint_context(home_folder(), load_preset(preset))
    row = join(context, note)
    show_history(context)
    words = (
        f"decision {row['number']}: {row['reason']}; {row['n_recordings']} recordings are judged"
    )
    output.emit(row, words, as_json=as_json)


@contextmanager
def champion_folder(preset: str) -> Iterator[Path]:
    """Lay the champion's files into a folder while the block runs."""
    context = _context(preset)
    from musqa_pipeline.release.promotion.candidate import read_champion, unpacked
    from musqa_pipeline.release.promotion.history import read_history, require_champion

    row = require_champion(context, read_history(context))
    with unpacked(read_champion(context, row["weights"])) as folder:
        yield folder


def _context(preset: str) -> Context:
    """Return a context that knows no fingerprints: the history needs none."""
    needs(LIBRARIES, "musqa model history", kind=ModelError)
    from musqa_pipeline.stages.engine.context import Context
    from musqa_pipeline.stages.graph import load_preset

    return Context(home_folder(), load_preset(preset), None, {})
