"""Reports of decisions, and the page of all decisions.

The report of each decision is copied, as the evaluation that it is of may be swept away one day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musqa_pipeline.context import Context
from musqa_pipeline.errors import StageError
from musqa_pipeline.evaluation.stage import HTML_FILE, JSON_FILE, report_key
from musqa_pipeline.evaluation.svg import (
    INK,
    MUTED,
    SERIES,
    house_style,
    new_figure,
    to_svg,
)
from musqa_pipeline.pages import place_page, render_page
from musqa_pipeline.promotion.history import History

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


def keep_report(context: Context, number: int) -> str:
    """Copy the report of a context's evaluation to where a decision finds it for good.

    Parameters
    ----------
    context : Context
        Of the joint stages; its evaluation is done.
    number : int
        Of the decision.

    Returns
    -------
    str
        The copy's path, relative to `MUSQA_HOME`.

    Raises
    ------
    StageError
        If there is no report.
    LakeError
        If it cannot be written.
    """
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
    """Write the page of all decisions of a preset.

    Parameters
    ----------
    context : Context
        Whose.
    history : History
        Its decisions; at least one.

    Returns
    -------
    str
        The page's path, relative to `MUSQA_HOME`.

    Raises
    ------
    LakeError
        If it cannot be written.
    """
    champion = history.champion
    folder = f"reports/{context.preset.name}/"
    page = render_page(
        "musqa_pipeline.promotion",
        "models.html.jinja",
        preset=context.preset.name,
        champion=champion,
        decisions=[
            {**row, "words": _WORDS[row["decision"]], "link": row["report"].removeprefix(folder)}
            for row in reversed(history.decisions)
        ],
        plot=history_svg(history.decisions),
        n_sets=len(history.sets),
        last=history.decisions[-1],
    )
    return place_page(context, PAGE, page.encode())


def history_svg(decisions: Sequence[Mapping[str, Any]]) -> Any:
    """Plot the errors on the frozen rows over the decisions, as an element for the page.

    Parameters
    ----------
    decisions : sequence of mapping
        Rows of `promotions`, in order.

    Returns
    -------
    markupsafe.Markup
        An ``<svg>`` element.
    """
    from markupsafe import Markup

    with house_style("models"):
        figure = draw_history(decisions)
        return Markup(to_svg(figure, "RMSE of models on the frozen rows, decision by decision"))


def draw_history(decisions: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw each model's error, the champion's as a line, and where the margin lies.

    Parameters
    ----------
    decisions : sequence of mapping
        Rows of `promotions`, in order.

    Returns
    -------
    matplotlib.figure.Figure
        Drawn in the house style.
    """
    figure = new_figure(9.6, 3.6)
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
    marks = {
        ("first", "promoted"): ("o", SERIES[2], "promoted"),
        ("kept",): ("X", SERIES[3], "not promoted"),
    }
    for kinds, (marker, colour, label) in marks.items():
        chosen = [r for r in decisions if r["decision"] in kinds and r["rmse_points"] is not None]
        if chosen:
            axes.scatter(
                [r["number"] for r in chosen],
                [r["rmse_points"] for r in chosen],
                s=46, marker=marker, color=colour, linewidths=0, label=label, zorder=3,
            )  # fmt: skip
    for row in decisions:
        if row["decision"] in ("refrozen", "disqualified"):
            axes.axvline(row["number"], color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
            word = "test rows joined" if row["decision"] == "refrozen" else "disqualified"
            axes.annotate(
                word, (row["number"], 1), xycoords=("data", "axes fraction"), rotation=90,
                fontsize=7.5, color=MUTED, va="top", ha="right", xytext=(-2, -2),
                textcoords="offset points",
            )  # fmt: skip
    axes.set(xlabel="decision", ylabel="RMSE on the frozen rows, points")
    last = decisions[-1]["number"]
    axes.set_xlim(0.5, last + 0.7)
    axes.xaxis.set_major_locator(MaxNLocator(min(MOST_LABELS, last), integer=True))
    low, high = axes.get_ylim()
    axes.set_ylim(max(0.0, low - 0.15 * (high - low)), high + 0.3 * (high - low))
    axes.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.5, -0.18))
    return figure


def _champions_error(row: Mapping[str, Any]) -> tuple[float | None, float]:
    """Return the error of who is champion after a decision, on the rows of that decision."""
    crowned = row["decision"] in ("first", "promoted")
    return row["rmse_points" if crowned else "champion_rmse_points"], row["margin_points"]
