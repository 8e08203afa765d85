"""The page of costs: what each stage took, how large it is, and how that moved over runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.dates
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from musqa_pipeline.operations.costs.summary import over_time, read_runs, sum_up, totals
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.pages import page_figure, render_page, size_words
from musqa_pipeline.stages.evaluation.publish import place_page
from musqa_pipeline.studies.figures import SERIES, new_figure

PAGE = "costs.html"
NEWEST = 60
"""Runs that the page lists; the view has all."""
_PLOTS = {
    "cpu_h": ("CPU time so far", "CPU hours"),
    "size_bytes": ("Size", "bytes of the stage’s files"),
    "cpu_s_per_row": ("CPU time of a row", "CPU seconds, run by run"),
    "wall_s": ("Time of a run", "seconds"),
}
_APART = ("cpu_s_per_row", "wall_s")
"""Columns that are of one run, whose points no line joins: catalogs take turns."""
_MARKERS = "osD^vP*X"


def publish_costs(context: Context) -> str | None:
    """Write the page of a preset."""
    runs = read_runs(context)
    if runs.is_empty():
        return None
    return place_page(context, PAGE, render_costs(context.preset.name, runs).encode())


def render_costs(preset_name: str, runs: pl.DataFrame) -> str:
    """Make the page."""
    series = over_time(runs)
    plots = []
    for column, (title, label) in _PLOTS.items():
        words = f"{title}, stage by stage, over runs"
        drawn = page_figure(draw_series, f"costs-{column}", words, series, column, label)
        plots.append((title, drawn))
    return render_page(
        "musqa_pipeline.operations.costs",
        "costs.html.jinja",
        preset=preset_name,
        stages=sum_up(runs),
        totals=totals(runs),
        first=runs["finished_utc"][0],
        last=runs["finished_utc"][-1],
        newest=runs.tail(NEWEST).reverse().to_dicts(),
        plots=plots,
    )


def draw_series(series: Mapping[str, pl.DataFrame], column: str, label: str) -> Figure:
    """Draw one column of every stage's series over time."""
    figure = new_figure(5.8, 4.2)
    axes = figure.subplots()
    shown = 0
    for number, (stage, rows) in enumerate(series.items()):
        known = rows.filter(pl.col(column) > 0)
        if known.is_empty():
            continue
        dashes: Any = "none" if column in _APART else "-" if number < len(SERIES) else (0, (3, 2))
        axes.plot(
            known["finished_utc"].to_list(), known[column], marker=_MARKERS[number % len(_MARKERS)],
            markersize=4, linewidth=1.4, color=SERIES[number % len(SERIES)], label=stage,
            linestyle=dashes,
        )  # fmt: skip
        shown += 1
    axes.set_ylabel(label)
    if shown:
        axes.set_yscale("log")
        axes.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.5, -0.12))
    if column == "size_bytes":
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: size_words(value)))
    locator = matplotlib.dates.AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator))
    axes.margins(x=0.04)
    return figure
