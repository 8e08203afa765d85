"""Parts of the page that are neither leaderboard nor slice: tiles, tests, orders, and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.differences import find_difference
from musqa_pipeline.stages.evaluation.examples import Example, Twin
from musqa_pipeline.stages.evaluation.generalisation import DRAWN
from musqa_pipeline.stages.evaluation.lowpass_steps import count_steps
from musqa_pipeline.stages.evaluation.paper_tables import (
    REPETITIONS,
    SINGLE,
    beside_the_paper,
    paper_draw,
    paper_metrics,
    repeated_metrics,
    row_tests,
    table_v,
)
from musqa_pipeline.stages.evaluation.report_figures import COMPARED_BASELINES, shown_rows
from musqa_pipeline.stages.evaluation.slices import HOLDOUT
from musqa_pipeline.stages.evaluation.summary import number, shown_name
from musqa_pipeline.stages.spectrograms.features.darkness import lowpass_order
from musqa_pipeline.studies.listening.table_vi_lines import LITERATURE_R
from musqa_pipeline.studies.statistics.repetitions import repetition_tests

DIGITS = {"pearson": 2, "rmse": 1, "spearman": 2, "mae": 1, "r2": 2}
"""Digits shown of each metric."""


def tiles(content: ReportContent, protocol: str, lead: str) -> list[tuple[str, str, str]]:
    """Make the numbers at the top of the page."""
    told = content.evaluations.filter(
        protocol=protocol, variant="", model=lead, slice="all", draw=main_draw(content, protocol)
    )
    cells = {row["metric"]: row for row in told.to_dicts()}
    made = []
    for metric, title in (("pearson", "Pearson’s r"), ("rmse", "RMSE, points of 100")):
        row, digits = cells[metric], DIGITS[metric]
        span = "too few recordings for an interval"
        if row["low"] is not None:
            span = f"{number(row['low'], digits)} to {number(row['high'], digits)}"
        made.append((title, number(row["estimate"], digits), span))
    row = cells["rmse"]
    made.append(("recordings", f"{row['n_recordings']:,}", "that the model had never met"))
    made.append(("excerpts", f"{row['n_rows']:,}", row["draw"].replace("_", " ")))
    return made


def main_draw(content: ReportContent, protocol: str) -> str:
    """Name the draw that comes first: the uniform one, where it has rows."""
    rows = content.evaluations.filter(protocol=protocol)
    return "uniform_draw" if (rows["draw"] == "uniform_draw").any() else "natural_mix"


def paper_part(content: ReportContent) -> dict[str, Any] | None:
    """Lay table V of the paper beside ours, with the tests of both."""
    draw = paper_draw(content.predictions)
    found, single = paper_metrics(content.predictions, draw)
    rows = table_v(found, single)
    if not any(row["ours"] and row["paper"] for row in rows):
        return None
    mine = content.evaluations.filter(variant="", slice="all", draw=draw).to_dicts()
    cells = {(row["protocol"], row["model"], row["metric"]): row for row in mine}
    for row in rows:
        model, protocol = row["model"], HOLDOUT if row["single"] else REPETITIONS
        row["name"] = content.name(model) if row["ours"] else shown_name(model)
        row["name"] += SINGLE if row["single"] else ""
        row["cells"] = {m: cells.get((protocol, model, m)) for m in DIGITS} if row["ours"] else {}
    tests = beside_the_paper(found)
    for test in tests:
        name = content.name if test["ours"] else shown_name
        test["pair"] = f"{name(test['first'])} − {name(test['second'])}"
        test["interval"] = find_difference(
            content.differences, REPETITIONS, draw, test["first"], test["second"], test["metric"]
        )
    one = next(row["cells"]["rmse"] for row in rows if row["cells"])
    return {
        "draw": draw,
        "rows": rows,
        "tests": tests,
        "n_rows": one["n_rows"],
        "n_recordings": one["n_recordings"],
    }


def table_vi_part(content: ReportContent) -> dict[str, Any] | None:
    """Lay the networks' repetitions beside listeners and beside table VI of the paper."""
    beside = content.table_vi
    if beside is None:
        return None
    rows: dict[str, dict[str, Any]] = {}
    for line in beside.means:
        row = rows.setdefault(line.model, {"model": line.model, "paper": {}, "ours": {}})
        row["n"] = beside.repetitions.get(line.model, 0)
        row["paper"][line.metric], row["ours"][line.metric] = line.paper, line
    return {
        "beside": beside,
        "tests": list(dict.fromkeys(result.test for result in content.listening)),
        "rows": list(rows.values()),
        "literature_r": LITERATURE_R,
    }


def statistics_part(
    content: ReportContent, protocol: str, draw: str, leader: str
) -> list[dict[str, Any]]:
    """Compare the leader with every other model by all tests that fit."""
    told = content.predictions.filter(draw, protocol=protocol)
    models = [model for model in told["model"].unique(maintain_order=True) if model != leader]
    steiger_p = row_tests(content.predictions, protocol, draw, leader, models)
    found = repeated_metrics(content.predictions, protocol, draw)
    rows = []
    for model in models:
        pair = repetition_tests(found, [leader, model], ["rmse"])
        paired = pair[0].paired if pair else None
        rows.append(
            {
                "model": content.name(model),
                **{
                    metric: find_difference(
                        content.differences, protocol, draw, leader, model, metric
                    )
                    for metric in ("pearson", "rmse")
                },
                "steiger_p": steiger_p.get(model),
                "paired_p": paired.p_value if paired else None,
            }
        )
    return rows


def order_part(content: ReportContent, protocol: str) -> list[dict[str, Any]]:
    """Count how every model orders the low-passes of a reference."""
    rows = shown_rows(content, protocol)
    every = content.predictions.filter(protocol=protocol, variant="")
    models = rows["model"].unique(maintain_order=True).to_list()
    return [
        {
            "model": model,
            "pairs": lowpass_order(rows.filter(model=model)),
            "steps": {
                row["slope"]: row for row in count_steps(every.filter(model=model), content.steps)
            },
        }
        for model in models
        if model not in content.random_weights
        and (model not in BASELINES or model in COMPARED_BASELINES)
    ]


def generalisation_part(content: ReportContent) -> list[dict[str, Any]]:
    """Group the rows on generalisation by draw and by what was left out."""
    tables = []
    for draw in DRAWN:
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for row in content.generalisation:
            if row["draw"] == draw:
                groups.setdefault(row["left_out"], []).append(row)
        if groups:
            tables.append({"draw": draw, "groups": list(groups.items())})
    return tables


def affordable(parts: Sequence[Example | Twin], n_bytes: int) -> list[bool]:
    """Tell which examples get their pictures and players while the page has room for them."""
    left = n_bytes * 3 // 4  # base64 writes four bytes for three
    fits = []
    for part in parts:
        fits.append(part.n_bytes <= left)
        left -= part.n_bytes if fits[-1] else 0
    return fits
