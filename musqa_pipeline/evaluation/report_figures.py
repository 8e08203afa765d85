"""The figures of the page, drawn and captioned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
from markupsafe import Markup
from matplotlib.figure import Figure

from musqa_pipeline.baselines.registry import BASELINES
from musqa_pipeline.evaluation import plots, plots_data
from musqa_pipeline.evaluation.content import ReportContent
from musqa_pipeline.evaluation.slices import DRAWS
from musqa_pipeline.evaluation.summary import shown_name
from musqa_pipeline.evaluation.svg import house_style, to_svg


def prediction_figures(content: ReportContent, lead: str) -> Iterator[dict[str, Any]]:
    """Yield the figures on predictions.

    Parameters
    ----------
    content : ReportContent
        What the page shows.
    lead : str
        The model that comes first.

    Yields
    ------
    dict
        Section of the page, caption and svg.
    """
    test = content.predictions.filter(pl.col("part") == "test")
    networks = [m for m in test["model"].unique(maintain_order=True) if m not in BASELINES]
    by_draw: dict[str, pl.DataFrame] = {draw: test.filter(pl.col(draw)) for draw in DRAWS}
    main = "uniform_draw" if by_draw["uniform_draw"].height else "natural_mix"
    mixed = "natural_mix" if by_draw["natural_mix"].height else "uniform_draw"

    def of(model: str, draw: str) -> pl.DataFrame:
        return by_draw[draw].filter(pl.col("model") == model)

    shown = list(dict.fromkeys([lead, *networks, "upper_edge"]))
    for model in shown:
        for draw in DRAWS:
            if of(model, draw).height:
                yield {
                    "section": "scatter",
                    "caption": f"{shown_name(model)}, {_draw_words(draw)}",
                    "svg": _svg(
                        plots.scatter, f"scatter-{model}-{draw}",
                        f"Prediction over label of {shown_name(model)}", of(model, draw),
                    ),
                }  # fmt: skip
    for model in list(dict.fromkeys([lead, *networks])):
        yield {
            "section": "residuals",
            "caption": f"{shown_name(model)}: error over label, {_draw_words(main)}",
            "svg": _svg(
                plots.residuals, f"residuals-{model}",
                f"Error of {shown_name(model)} over label", of(model, main),
            ),
        }  # fmt: skip
        yield {
            "section": "residuals",
            "caption": f"{shown_name(model)}: error of each recording (rows), {_draw_words(main)}",
            "svg": _svg(
                plots.by_recording, f"recordings-{model}",
                f"Error of {shown_name(model)} by recording", of(model, main),
            ),
        }  # fmt: skip
    yield {
        "section": "calibration",
        "caption": f"Calibration, {_draw_words(main)}",
        "svg": _svg(
            plots.calibration_plot, "calibration", "Mean label over mean prediction",
            {shown_name(m): of(m, main) for m in shown}, content.confidence,
        ),
    }  # fmt: skip
    if by_draw[mixed].filter(pl.col("depth") == 1).height:
        yield {
            "section": "calibration",
            "caption": f"One process alone, {_draw_words(mixed)}",
            "svg": _svg(
                plots.process_curves, "processes", "Label and prediction over bitrate",
                {shown_name(m): of(m, mixed) for m in shown},
            ),
        }  # fmt: skip


def training_figures(content: ReportContent) -> Iterator[dict[str, Any]]:
    """Yield the curves of each run, unfinished ones included.

    Parameters
    ----------
    content : ReportContent
        What the page shows.

    Yields
    ------
    dict
        Caption and svg.
    """
    for run in content.runs:
        curves = json.loads(run["curves_json"])
        name = shown_name(run["model"])
        yield {
            "caption": name if run["finished"] else f"{name} (unfinished: no result)",
            "svg": _svg(
                plots_data.training_curves, f"training-{run['model']}-{run['seed']}",
                f"Loss of {name} over epochs", curves, run["best_epoch"],
            ),
        }  # fmt: skip


def distribution_figure(content: ReportContent) -> Markup:
    """Return the figure of the labels before and after the draw.

    Parameters
    ----------
    content : ReportContent
        What the page shows.

    Returns
    -------
    Markup
        An SVG element.
    """
    return _svg(
        plots_data.distribution,
        "distribution",
        "Labels before and after the uniform draw",
        content.edges,
        content.before,
        content.after,
    )


def _draw_words(draw: str) -> str:
    return {"uniform_draw": "uniform draw", "natural_mix": "natural mix"}[draw]


def _svg(make: Any, name: str, alternative: str, *arguments: Any) -> Markup:
    with house_style(name):
        figure: Figure = make(*arguments)
        return Markup(to_svg(figure, alternative))
