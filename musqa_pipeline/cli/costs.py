"""`musqa costs`: what the stages of a preset took, how large they are, and a page over runs."""

from __future__ import annotations

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, PresetOption
from musqa_pipeline.core.home import home_folder

COLUMNS = [
    "stage", "catalog", "runs", "last", "made", "rows", "wall_s", "cpu_s", "cpu_s_per_row",
    "written", "size",
]  # fmt: skip


def costs(
    preset: PresetOption = "demo",
    as_json: JsonOption = False,
) -> None:
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
    output.table(rows if as_json else shown, COLUMNS, as_json=as_json, empty=empty)
    page = publish_costs(context)
    if page and not as_json:
        output.say(f"\nOver time: {context.lake.store.address(page)}")
