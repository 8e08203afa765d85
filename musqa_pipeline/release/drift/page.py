"""The page of drift: what moved, and every variable over the records."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.dates
import numpy as np
from matplotlib.figure import Figure

from musqa_pipeline.release.drift.record import ALL_CATALOGS, VARIABLES, Variable, record_drift
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.pages import page_figure, render_page
from musqa_pipeline.stages.evaluation.publish import place_page
from musqa_pipeline.studies.figures import SERIES, new_figure
from musqa_pipeline.studies.statistics.distribution_distance import LEVELS

PAGE = "drift.html"
MOST_CATALOGS = 6
"""Catalogs that a figure shows: those with the most recordings; the tables have all."""
_DIGITS = 3
Rows = Sequence[Mapping[str, Any]]


def publish_drift(context: Context) -> str:
    """Record how the variables are distributed now, and write the page."""
    rows = record_drift(context)
    return place_page(context, PAGE, render_drift(context.preset.name, rows).encode())


def render_drift(preset_name: str, rows: Rows) -> str:
    """Make the page."""
    newest = [row for row in rows if row["number"] == rows[-1]["number"]]
    catalogs = _shown_catalogs(newest)
    plots = []
    for variable in VARIABLES:
        own = [row for row in rows if row["variable"] == variable.name]
        if own:
            words = f"{variable.title} over records"
            drawn = (draw_variable, f"drift-{variable.name}", words, variable, own, catalogs)
            plots.append((variable, page_figure(*drawn)))
    return render_page(
        "musqa_pipeline.release.drift",
        "drift.html.jinja",
        preset=preset_name,
        newest=[_shown(row, rows) for row in newest],
        n_records=len({row["number"] for row in rows}),
        n_moved_last=sum(row["moved_from_last"] for row in newest),
        n_moved_first=sum(row["moved_from_first"] for row in newest),
        n_compared=sum(row["distance_from_last"] is not None for row in newest),
        catalogs=sorted({row["seen_catalog"] for row in newest} - {ALL_CATALOGS}),
        n_drawn=len(set(catalogs) - {ALL_CATALOGS}),
        first=rows[0]["recorded_utc"],
        last=rows[-1]["recorded_utc"],
        plots=plots,
    )


def draw_variable(variable: Variable, rows: Rows, catalogs: Sequence[str]) -> Figure:
    """Draw the median of a variable over the records, with what 80 % of the values span."""
    figure = new_figure(5.8, 3.3)
    axes = figure.subplots()
    for number, catalog in enumerate(catalogs):
        own = [row for row in rows if row["seen_catalog"] == catalog]
        if not own:
            continue
        colour = SERIES[number % len(SERIES)]
        when = [row["recorded_utc"] for row in own]
        low, middle, high = (
            [float(np.interp(level, LEVELS, row["quantiles"])) for row in own]
            for level in (0.1, 0.5, 0.9)
        )
        axes.fill_between(when, low, high, color=colour, alpha=0.1, linewidth=0)
        axes.plot(when, middle, color=colour, marker="o", markersize=3.2, label=_name(catalog))
        moved = [i for i, row in enumerate(own) if row["moved_from_last"]]
        axes.scatter(
            [when[i] for i in moved], [middle[i] for i in moved],
            s=70, facecolors="none", edgecolors=colour, linewidths=1.4, zorder=3,
        )  # fmt: skip
    axes.set_ylabel(variable.unit or "correlation")
    locator = matplotlib.dates.AutoDateLocator(minticks=2, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator))
    axes.margins(x=0.05)
    if len(catalogs) > 1:
        axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.14))
    return figure


def _shown_catalogs(newest: Rows) -> list[str]:
    """Choose the catalogs with the most recordings, all together first."""
    sizes: dict[str, int] = {}
    for row in newest:
        sizes[row["seen_catalog"]] = max(sizes.get(row["seen_catalog"], 0), row["n_recordings"])
    ranked = sorted(sizes, key=lambda name: (name != ALL_CATALOGS, -sizes[name], name))
    return ranked[:MOST_CATALOGS]


def _name(catalog: str) -> str:
    return "all together" if catalog == ALL_CATALOGS else catalog


def _shown(row: Mapping[str, Any], rows: Rows) -> dict[str, Any]:
    """Return what the table says of a row of the newest record."""
    variable = next((v for v in VARIABLES if v.name == row["variable"]), None)
    key = operator.itemgetter("seen_catalog", "variable")
    first = next(r for r in rows if key(r) == key(row))
    return {
        **row,
        "name": _name(row["seen_catalog"]),
        "title": variable.title if variable else row["variable"],
        "unit": variable.unit if variable else "",
        "median": _digits(float(np.interp(0.5, LEVELS, row["quantiles"]))),
        "median_first": _digits(float(np.interp(0.5, LEVELS, first["quantiles"]))),
        "since_first": _words(row, "first"),
        "since_last": _words(row, "last"),
    }


def _words(row: Mapping[str, Any], name: str) -> str:
    far, by_chance = row[f"distance_from_{name}"], row[f"threshold_from_{name}"]
    if far is None:
        return "–"
    limit = "too few recordings" if by_chance is None else f"chance {_digits(by_chance)}"
    return f"{_digits(far)} ({limit})"


def _digits(value: float) -> str:
    """Write a number with three digits, without an exponent."""
    if abs(value) >= 10**_DIGITS:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.{_DIGITS}g}".replace("-", "−")
