"""Reports of decisions, and the page of all decisions.

The report of each decision is copied, as the evaluation that it is of may be swept away one day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.promotion.history import History
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.pages import page_figure, render_page
from musqa_pipeline.stages.evaluation.publish import REPORTS, place_page
from musqa_pipeline.stages.evaluation.stage import HTML_FILE, JSON_FILE, report_key
from musqa_pipeline.studies.figures import INK, MUTED, SERIES, new_figure

PAGE = "models.html"
MOST_LABELS = 12
"""Decisions whose numbers the plot has room for."""
_WORDS = {
    "first": "first champion",
    "promoted": "promoted",
    "kept": "champion kept",
    "disqualified": "disqualified",
    "refrozen": "test rows joined",
}
_PROMOTED = {"marker": "o", "color": SERIES[2], "label": "promoted"}
_KEPT = {"marker": "X", "color": SERIES[3], "label": "not promoted"}


def page_key(preset_name: str) -> str:
    """Return the key of the page of a preset's decisions below `MUSQA_HOME`."""
    return f"{REPORTS}/{preset_name}/{PAGE}"


def keep_report(context: Context, number: int) -> str:
    """Copy the report of a context's evaluation to where a decision finds it for good."""
    store, source = context.lake.store, report_key(context)
    if not store.exists(f"{source}/{HTML_FILE}"):
        raise StageError(
            f"preset {context.preset.name} has no report yet; run the stage evaluation first"
        )
    for name in (JSON_FILE, HTML_FILE):
        content = store.read_bytes(f"{source}/{name}")
        path = place_page(context, f"models/{number:06d}/{name}", content)
    return path


def publish_history(context: Context, history: History) -> str:
    """Write the page of all decisions of a preset."""
    return place_page(context, PAGE, render_history(context.preset.name, history).encode())


def render_history(preset_name: str, history: History) -> str:
    """Make the page."""
    folder = f"{REPORTS}/{preset_name}/"
    return render_page(
        "musqa_pipeline.release.promotion",
        "models.html.jinja",
        preset=preset_name,
        champion=history.champion,
        decisions=[
            {
                **row,
                "words": _WORDS[row["decision"]],
                "own_link": row["report"].removeprefix(folder),
                "champion_link": (row["champion_report"] or "").removeprefix(folder),
            }
            for row in reversed(history.decisions)
        ],
        plots=history_plots(history.decisions),
        n_sets=len(history.sets),
        last=history.decisions[-1],
    )


def history_plots(decisions: Sequence[Mapping[str, Any]]) -> list[tuple[str, Markup]]:
    """Plot the errors on the frozen rows, and their differences, over the decisions."""
    drawn = (
        ("Error of each model and of the champion", draw_history),
        ("Difference from the champion, with the upper end of its interval", draw_differences),
    )
    return [
        (caption, page_figure(draw, draw.__name__, f"{caption}, decision by decision", decisions))
        for caption, draw in drawn
    ]


def draw_history(decisions: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw each model's error, the champion's as a line, and where the margin lies."""
    figure = new_figure(5.6, 3.8)
    axes = figure.subplots()
    steps = [(row["number"], *_champions_error(row)) for row in decisions]
    reigning = [(n, error, margin) for n, error, margin in steps if error is not None]
    if reigning:
        numbers = [n for n, _, _ in reigning] + [reigning[-1][0] + 0.5]
        errors = [e for _, e, _ in reigning] + [reigning[-1][1]]
        margins = [e + m for _, e, m in reigning] + [reigning[-1][1] + reigning[-1][2]]
        axes.step(numbers, errors, where="post", color=SERIES[0], label="champion", zorder=2)
        axes.step(
            numbers, margins, where="post", color=MUTED, linewidth=1, linestyle=(0, (4, 3)),
            label="champion and margin", zorder=1,
        )  # fmt: skip
    for kinds, mark in ((("first", "promoted"), _PROMOTED), (("kept",), _KEPT)):
        _scatter(axes, [r for r in decisions if r["decision"] in kinds], "rmse_points", mark)
    for row in decisions:
        if row["decision"] in ("refrozen", "disqualified"):
            axes.axvline(row["number"], color=INK, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
            word = "test rows joined" if row["decision"] == "refrozen" else "disqualified"
            axes.annotate(
                word, (row["number"], 1), xycoords=("data", "axes fraction"), rotation=90,
                fontsize=7.5, color=MUTED, va="top", ha="right", xytext=(-2, -2),
                textcoords="offset points",
            )  # fmt: skip
    _decision_axis(axes, decisions, "RMSE on the frozen rows, points")
    low, high = axes.get_ylim()
    axes.set_ylim(max(0.0, low - 0.15 * (high - low)), high + 0.3 * (high - low))
    axes.legend(loc="upper center", ncols=2, bbox_to_anchor=(0.5, -0.18))
    return figure


def draw_differences(decisions: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw how far each model was from the champion that it met, and the margin."""
    figure = new_figure(5.6, 3.8)
    axes = figure.subplots()
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    met = [row for row in decisions if row["difference_points"] is not None]
    numbers = [decisions[0]["number"] - 0.5, *(row["number"] for row in met)]
    margins = [decisions[0]["margin_points"], *(row["margin_points"] for row in met)]
    axes.step(
        [*numbers, decisions[-1]["number"] + 0.5], [*margins, decisions[-1]["margin_points"]],
        where="pre", color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="margin", zorder=1,
    )  # fmt: skip
    for kind, mark in (("promoted", _PROMOTED), ("kept", _KEPT)):
        own, colour = [row for row in met if row["decision"] == kind], mark["color"]
        for row in own:
            if row["upper_points"] is not None:
                ends = [row["difference_points"], row["upper_points"]]
                axes.plot([row["number"]] * 2, ends, color=colour, linewidth=1.6, zorder=2)
                axes.scatter([row["number"]], ends[1:], s=60, marker="_", color=colour, zorder=2)
        _scatter(axes, own, "difference_points", mark)
    _decision_axis(axes, decisions, "RMSE less the champion’s, points")
    axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, -0.18))
    return figure


def _scatter(
    axes: Axes, rows: Sequence[Mapping[str, Any]], column: str, mark: Mapping[str, Any]
) -> None:
    there = [row for row in rows if row[column] is not None]
    if there:
        numbers, values = [row["number"] for row in there], [row[column] for row in there]
        axes.scatter(numbers, values, s=46, linewidths=0, zorder=3, **mark)


def _decision_axis(axes: Axes, decisions: Sequence[Mapping[str, Any]], label: str) -> None:
    first, last = decisions[0]["number"], decisions[-1]["number"]
    axes.set(xlabel="decision", ylabel=label, xlim=(first - 0.5, last + 0.7))
    n_ticks = min(MOST_LABELS, last - first + 1)
    axes.xaxis.set_major_locator(MaxNLocator(n_ticks, integer=True, min_n_ticks=1))


def _champions_error(row: Mapping[str, Any]) -> tuple[float | None, float]:
    """Return the error of who is champion after a decision, on the rows of that decision."""
    crowned = row["decision"] in ("first", "promoted")
    return row["rmse_points" if crowned else "champion_rmse_points"], row["margin_points"]
