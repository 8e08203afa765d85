"""`musqa verify`, `gc`, `migrate`, `compact` and `costs`: a lake over years."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, PresetOption, no_nan
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.progress import logger
from musqa_pipeline.operations.maintenance.compact import AT_LEAST
from musqa_pipeline.operations.maintenance.garbage import OLDER_THAN_DAYS

COSTS = [
    "stage", "catalog", "runs", "last", "made", "rows", "wall_s", "cpu_s", "cpu_s_per_row",
    "written", "size",
]  # fmt: skip
SHOWN = 50
"""Findings that are printed for people; JSON has all."""


def verify(
    mend_it: Annotated[
        bool,
        typer.Option("--mend", help="Mend: take damaged files out, add digests."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every file of the lake: readable, unchanged, where it belongs, nothing missing."""
    from musqa_pipeline.operations.maintenance.mend import Mended, mend
    from musqa_pipeline.operations.maintenance.verify import verify_lake

    home = home_folder()
    seen = verify_lake(home)
    done = mend(home, seen) if mend_it else Mended()
    lines = [f"{f.kind.replace('_', ' ')}: {f.key}: {f.detail}" for f in seen.findings[:SHOWN]]
    if len(seen.findings) > SHOWN:
        lines.append(f"… and {len(seen.findings) - SHOWN} more; --json lists all")
    lines.append(
        f"{seen.n_files} files, {seen.n_rows} rows, {seen.n_bytes / 1e6:.1f} MB, and "
        f"{seen.n_others} other files: "
        f"{len(seen.errors)} errors, {len(seen.findings) - len(seen.errors)} notes"
    )
    if seen.n_unsummed:
        lines.append(f"{seen.n_unsummed} files have no checksum: an early release wrote them")
    if seen.undigested and not mend_it:
        lines.append(
            f"{len(seen.undigested)} files have no digest of their bytes; `musqa verify --mend` "
            "adds it"
        )
    if done.restored:
        lines.append(f"{len(done.restored)} files are again as they were written")
    if done.digested:
        lines.append(f"{len(done.digested)} files got a digest of their bytes")
    if done.moved:
        lines.append(f"{len(done.moved)} files moved to lake/damaged; `musqa run` makes them again")
    record = {**seen.as_dict(), **asdict(done)}
    output.emit(record, "\n".join(lines), as_json=as_json)
    if seen.errors:
        mended = {*done.moved, *done.restored}
        left = sum(finding.key not in mended for finding in seen.errors)
        advice = "run again to make them" if not left else "see docs/lake.md for what to do"
        raise LakeError(f"{len(seen.errors)} errors in {home}; {advice}")


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    older_than: Annotated[
        float, typer.Option("--older-than", min=0.0, callback=no_nan, help="Least age in days.")
    ] = OLDER_THAN_DAYS,
    as_json: JsonOption = False,
) -> None:
    """Delete what no preset shows, what was retired, and what killed processes left."""
    from musqa_pipeline.operations.maintenance.garbage import Cleared, clear_garbage, find_garbage

    home = home_folder()
    if dry_run:
        cleared = Cleared(tuple(find_garbage(home, older_than_days=older_than)))
    else:
        cleared = clear_garbage(home, older_than_days=older_than)
    rows = [
        {
            "kind": g.kind, "place": g.place, "files": g.n_files, "bytes": g.n_bytes,
            "days": g.days,
        }
        for g in cleared.garbage
    ]  # fmt: skip
    empty = f"nothing older than {older_than:g} days that no preset shows"
    output.table(rows, ["kind", "place", "files", "bytes", "days"], as_json=as_json, empty=empty)
    if as_json:
        return
    for place in cleared.in_use:
        output.say(f"in use, left as it is: {place}")
    if rows:
        verb = "would be deleted" if dry_run else "deleted"
        output.say(f"{cleared.n_bytes / 1e6:.1f} MB {verb}")


def compact(
    at_least: Annotated[
        int, typer.Option("--at-least", min=1, help="Least loose files of a partition.")
    ] = AT_LEAST,
    as_json: JsonOption = False,
) -> None:
    """Pack many small files into few large ones, so that listing and queries stay fast."""
    from musqa_pipeline.operations.maintenance.compact import compact_lake

    rows = [
        {
            "place": done.place, "units": done.n_units, "packs": done.n_packs,
            "problem": done.problem or None,
        }
        for done in compact_lake(home_folder(), at_least=at_least)
    ]  # fmt: skip
    empty = f"no partition has {at_least} loose files or more"
    columns = ["place", "units", "packs"]
    output.table(rows, columns, as_json=as_json, empty=empty)


def migrate(as_json: JsonOption = False) -> None:
    """Bring the lake to the present layout; what waits for a disk is taken over when it is back."""
    from musqa_pipeline.stages.engine.migrations import bring_forward
    from musqa_pipeline.storage.lake.layout import LAYOUT

    rows = [
        {
            "layout": done.layout, "catalog": done.catalog, "adopted": done.n_adopted,
            "left": done.n_left, "waiting": done.waiting or None,
        }
        for done in bring_forward(home_folder(), logger.info)
    ]  # fmt: skip
    columns = ["layout", "catalog", "adopted", "left", "waiting"]
    empty = f"the lake has layout {LAYOUT}; nothing to do"
    output.table(rows, columns, as_json=as_json, empty=empty)


def costs(preset: PresetOption = "demo", as_json: JsonOption = False) -> None:
    """Show time, CPU time and size of every stage, added up over all its runs."""
    from musqa_pipeline.operations.costs.page import publish_costs
    from musqa_pipeline.operations.costs.summary import read_runs, sum_up
    from musqa_pipeline.stages.engine.context import Context
    from musqa_pipeline.stages.evaluation.pages import size_words
    from musqa_pipeline.stages.graph import load_preset

    context = Context(home_folder(), load_preset(preset), None, {})
    rows = sum_up(read_runs(context))
    shown = [
        {**row, "written": size_words(row["written_bytes"]), "size": size_words(row["shelf_bytes"])}
        for row in rows
    ]
    name = context.preset.name
    empty = f"no run of preset {name} is recorded yet"
    output.table(rows if as_json else shown, COSTS, as_json=as_json, empty=empty)
    page = publish_costs(context)
    if page and not as_json:
        output.say(f"\nOver time: {context.lake.store.address(page)}")
