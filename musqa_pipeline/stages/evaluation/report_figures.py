"""The figures of the page, drawn and captioned."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
from markupsafe import Markup

from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.stages.evaluation import plots, plots_data, plots_protocols
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.pages import page_figure
from musqa_pipeline.stages.evaluation.paper_tables import (
    METRIC_WORDS,
    REPETITIONS,
    SINGLE,
    paper_draw,
    repeated_metrics,
    single_trainings,
    table_order,
)
from musqa_pipeline.stages.evaluation.slices import DRAWS, HOLDOUT
from musqa_pipeline.stages.evaluation.summary import (
    draw_words,
    error_of,
    has_own_loss,
    shown_name,
)
from musqa_pipeline.studies.listening.picture import over_opinions
from musqa_pipeline.studies.listening.table_vi_lines import TABLE_VI

COMPARED_BASELINES = ("boosted", "upper_edge")
"""Baselines that stand in figures beside the networks."""
MAX_CURVES = 6
"""Models in a figure of curves; more cannot be told apart."""


def shown_rows(content: ReportContent, protocol: str) -> pl.DataFrame:
    """Return the rows that figures show: of one protocol, each model's first repetition."""
    rows = content.predictions.filter(protocol=protocol, variant="")
    if protocol == HOLDOUT:
        rows = rows.filter(part="test")
    return rows.filter(pl.col("repetition") == pl.col("repetition").min().over("model"))


def prediction_figures(
    content: ReportContent, protocol: str, lead: str
) -> Iterator[dict[str, Any]]:
    """Yield the figures on predictions."""
    rows = shown_rows(content, protocol)
    models = rows["model"].unique(maintain_order=True).to_list()
    networks = [m for m in models if m not in BASELINES and m not in content.random_weights]
    compared = [m for m in COMPARED_BASELINES if m in models]
    by_draw: dict[str, pl.DataFrame] = {draw: rows.filter(pl.col(draw)) for draw in DRAWS}
    main = "uniform_draw" if by_draw["uniform_draw"].height else "natural_mix"
    mixed = "natural_mix" if by_draw["natural_mix"].height else "uniform_draw"

    def of(model: str, draw: str) -> pl.DataFrame:
        return by_draw[draw].filter(model=model)

    def figure(section: str, caption: str, *drawn: Any) -> dict[str, Any]:
        return {"section": section, "caption": caption, "svg": page_figure(*drawn)}

    shown = list(dict.fromkeys([lead, *networks, *compared]))
    for model in [*shown, *(m for m in models if m in content.random_weights and m != lead)]:
        for draw in DRAWS if model == lead else (main,):
            if of(model, draw).height:
                name = content.name(model)
                yield figure(
                    "scatter", f"{name}, {draw_words(draw)}", plots.scatter,
                    f"scatter-{model}-{draw}", f"Prediction over label of {name}", of(model, draw),
                )  # fmt: skip
    papers = paper_draw(content.predictions)
    alone = shown_rows(content, HOLDOUT).filter(papers)
    for model in single_trainings(content.predictions):
        rows_of_one = alone.filter(model=model)
        if model not in models and rows_of_one.height:
            name = content.name(model) + SINGLE
            yield figure(
                "scatter", f"{name}, {draw_words(papers)}", plots.scatter,
                f"scatter-{model}-single", f"Prediction over label of {name}", rows_of_one,
            )  # fmt: skip
    for model in list(dict.fromkeys([lead, *compared[:1]])):
        name = content.name(model)
        yield figure(
            "residuals", f"{name}: error over label, {draw_words(main)}", plots.residuals,
            f"residuals-{model}", f"Error of {name} over label", of(model, main),
        )  # fmt: skip
        yield figure(
            "residuals", f"{name}: error of each recording (rows), {draw_words(main)}",
            plots.by_recording, f"recordings-{model}", f"Error of {name} by recording",
            of(model, main),
        )  # fmt: skip
    curves = shown[:MAX_CURVES]
    yield figure(
        "calibration", f"Calibration, {draw_words(main)}", plots.calibration_plot, "calibration",
        "Mean label over mean prediction", {content.name(m): of(m, main) for m in curves},
        content.confidence,
    )  # fmt: skip
    if by_draw[mixed].filter(kind="single").height:
        yield figure(
            "calibration", f"One process of the tables alone, {draw_words(mixed)}",
            plots.process_curves, "processes", "Label and prediction over bitrate",
            {content.name(m): of(m, mixed) for m in curves},
        )  # fmt: skip


def training_figures(content: ReportContent) -> Iterator[dict[str, Any]]:
    """Yield the curves of each run, unfinished ones included."""
    for run in content.runs:
        curves = json.loads(run["curves_json"])
        if not run["epochs"]:  # imported, not trained
            continue
        name = content.name(run["model"])
        yield {
            "caption": name if run["finished"] else f"{name} (unfinished: no result)",
            "svg": page_figure(
                plots_data.training_curves, f"training-{run['model']}-{run['seed']}",
                f"Loss of {name} over epochs", curves, run["best_epoch"],
                error_of(run["model"]), has_own_loss(run["model"]),
            ),
        }  # fmt: skip


def protocol_figures(content: ReportContent, draw: str) -> dict[str, Markup | None]:
    """Draw the figures on protocols for which there are numbers."""
    found: dict[str, Markup | None] = dict.fromkeys(("learning_curve", "repetitions", "ceiling"))
    points = _curve_points(content, draw)
    if points:
        found["learning_curve"] = page_figure(
            plots_protocols.learning_curves, "learning-curve", "RMSE over recordings", points
        )
    repeated = repeated_metrics(content.predictions, REPETITIONS, paper_draw(content.predictions))
    if repeated:
        models = table_order(each.model for each in repeated)
        found["repetitions"] = page_figure(
            plots_protocols.repetition_strips, "repetitions",
            "r and RMSE of each repetition beside the paper's", repeated,
            {model: content.name(model) for model in models},
        )  # fmt: skip
    if content.ceilings:
        found["ceiling"] = page_figure(
            plots_protocols.gamma_lines, "ceiling", "Label differences over distance",
            content.ceilings,
        )  # fmt: skip
    return found


def listening_figures(content: ReportContent) -> list[dict[str, Any]]:
    """Draw each network's predictions over listeners' opinions."""
    return [
        {
            "test": result.test,
            "model": result.model,
            "svg": page_figure(
                functools.partial(over_opinions, points=True), f"listeners-{i}",
                f"Prediction of {content.name(result.model)} over mean opinions", result.matched,
            ),
        }
        for i, result in enumerate(content.listening)
    ]  # fmt: skip


def table_vi_figure(content: ReportContent) -> Markup | None:
    """Draw every repetition beside listeners and the paper's; None without two of any network."""
    if content.table_vi is None or max(content.table_vi.repetitions.values()) < 2:
        return None
    lines = [line for line in content.table_vi.means if line.metric in METRIC_WORDS]
    return page_figure(
        plots_protocols.repetition_strips, "table-vi",
        "r and RMSE of each repetition against listeners beside the paper's",
        [line.ours for line in lines if line.ours],
        {line.model: shown_name(line.model) for line in lines},
        TABLE_VI, "table VI",
    )  # fmt: skip


def distribution_figure(content: ReportContent) -> Markup:
    """Return the figure of the labels before and after the draw."""
    return page_figure(
        plots_data.distribution,
        "distribution",
        "Labels before and after the uniform draw",
        content.edges,
        content.before,
        content.after,
    )


def _curve_points(content: ReportContent, draw: str) -> dict[str, list[dict[str, Any]]]:
    """Points of the learning curve by model; a share that was not run is left out."""
    sizes = {
        (t["variant"], t["model"]): t["n_train_groups"]
        for t in content.trials
        if t["protocol"] == "learning_curve"
    }
    rows = content.evaluations.filter(
        protocol="learning_curve", draw=draw, slice="all", metric="rmse"
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        size = sizes.get((row["variant"], row["model"]))
        if size is not None:
            found.setdefault(content.name(row["model"]), []).append({**row, "n_groups": size})
    return {name: sorted(points, key=lambda p: p["n_groups"]) for name, points in found.items()}
