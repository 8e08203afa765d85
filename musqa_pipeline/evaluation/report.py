"""The report page: from `ReportContent` to one HTML file that needs nothing else.

All styles, figures, pictures and sounds are inside; there is no script and no address of another
host, so the file can be mailed, printed or kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
import polars as pl
from markupsafe import Markup

from musqa_pipeline.baselines.registry import BASELINES
from musqa_pipeline.evaluation.content import ReportContent
from musqa_pipeline.evaluation.darkness import lowpass_order
from musqa_pipeline.evaluation.examples import Example, data_uri
from musqa_pipeline.evaluation.report_figures import (
    distribution_figure,
    prediction_figures,
    training_figures,
)
from musqa_pipeline.evaluation.slices import DRAWS
from musqa_pipeline.evaluation.summary import (
    CODEC_NAMES,
    headline_model,
    number,
    sentences,
    shown_name,
)

PAGE_BYTES = 5_000_000
"""Most bytes of the page; examples beyond it are listed without pictures and players."""
_TEXT_BYTES = 400_000
"""Set aside for all that is neither a figure nor an example."""
DIGITS = {"pearson": 2, "rmse": 1, "spearman": 2, "mae": 1, "r2": 2}
"""Digits shown of each metric, in the order of the league tables."""
SLICE_TITLES = {
    "codec": "Last codec",
    "bitrate_kbps": "Last bitrate, kbit/s",
    "depth": "Processes in a row",
    "tier": "Origin of the recording",
    "genre": "Genre",
    "reference": "Reference",
}


def render_report(content: ReportContent) -> str:
    """Make the page.

    Parameters
    ----------
    content : ReportContent
        What to show.

    Returns
    -------
    str
        HTML, self-contained; the same text for the same content.
    """
    folder = resources.files("musqa_pipeline.evaluation")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, shown=shown_name, uri=data_uri)
    template = environment.from_string((folder / "report.html.jinja").read_text(encoding="utf-8"))
    style = Markup((folder / "report.css").read_text(encoding="utf-8"))
    return template.render(style=style, **_page_values(content))


def report_json(content: ReportContent) -> str:
    """Return the page's numbers as JSON.

    Parameters
    ----------
    content : ReportContent
        What the page shows.

    Returns
    -------
    str
        An object: preset, catalogs, summary, evaluations, differences, runs, parts,
        near_duplicates and provenance.
    """
    headline = headline_model(content.runs)
    value = {
        "preset": content.preset,
        "catalogs": list(content.catalogs),
        "confidence": content.confidence,
        "headline_model": headline,
        "summary": _summary(content, headline),
        "evaluations": content.evaluations.to_dicts(),
        "differences": [dict(row) for row in content.differences],
        "runs": [dict(row) for row in content.runs],
        "parts": [dict(row) for row in content.parts],
        "near_duplicates": content.near_duplicates and [dict(p) for p in content.near_duplicates],
        "provenance": {name: dict(part) for name, part in content.provenance.items()},
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


def _summary(content: ReportContent, headline: str | None) -> list[str]:
    if headline is None:
        return ["No network has finished its training; only the baselines have results."]
    return sentences(headline, content.evaluations, content.differences)


def _page_values(content: ReportContent) -> dict[str, Any]:
    headline = headline_model(content.runs)
    networks = [m for m in _models(content) if m not in BASELINES]
    lead = headline or _models(content)[-1]
    sliced = list(dict.fromkeys([lead, *networks, "upper_edge"]))
    test = content.predictions.filter(pl.col("part") == "test")
    sections = list(prediction_figures(content, lead))
    curves, distribution = list(training_figures(content)), distribution_figure(content)
    used = sum(len(item["svg"]) for item in [*sections, *curves]) + len(distribution)
    return {
        "content": content,
        "headline": headline,
        "summary": _summary(content, headline),
        "tiles": _tiles(content, lead),
        "leagues": [_league(content, draw) for draw in DRAWS],
        "slices": list(_slice_tables(content, sliced)),
        "sections": sections,
        "curves": curves,
        "distribution": distribution,
        "order": [(m, lowpass_order(test.filter(pl.col("model") == m))) for m in networks],
        "examples": _affordable(content.examples, PAGE_BYTES - _TEXT_BYTES - used),
        "lead": lead,
    }  # fmt: skip


def _models(content: ReportContent) -> list[str]:
    return content.predictions["model"].unique(maintain_order=True).to_list()


def _cells(content: ReportContent, draw: str, name: str, value: str) -> dict[Any, dict[str, Any]]:
    found = content.evaluations.filter(
        (pl.col("draw") == draw) & (pl.col("slice") == name) & (pl.col("value") == value)
    )
    return {(row["model"], row["metric"]): row for row in found.to_dicts()}


def _tiles(content: ReportContent, lead: str) -> list[tuple[str, str, str]]:
    cells = _cells(content, "uniform_draw", "all", "all") or _cells(
        content, "natural_mix", "all", "all"
    )
    tiles = []
    for metric, title in (("pearson", "Pearson’s r"), ("rmse", "RMSE, points of 100")):
        row = cells[lead, metric]
        digits = DIGITS[metric]
        span = "too few recordings for an interval"
        if row["low"] is not None:
            span = f"{number(row['low'], digits)} to {number(row['high'], digits)}"
        tiles.append((title, number(row["estimate"], digits), span))
    row = cells[lead, "rmse"]
    tiles.append(("test recordings", f"{row['n_recordings']:,}", "kept apart from the start"))
    tiles.append(("test excerpts", f"{row['n_rows']:,}", row["draw"].replace("_", " ")))
    return tiles


def _league(content: ReportContent, draw: str) -> dict[str, Any]:
    """One league table, lowest RMSE first; every model stands on the same rows."""
    cells = _cells(content, draw, "all", "all")
    rows = [
        {
            "model": model,
            "baseline": model in BASELINES,
            "cells": [(cells[model, metric], DIGITS[metric]) for metric in DIGITS],
        }
        for model in _models(content)
        if (model, "rmse") in cells
    ]
    counts = next(iter(cells.values()), {"n_recordings": 0, "n_rows": 0})
    return {
        "draw": draw,
        "rows": sorted(rows, key=lambda row: cells[row["model"], "rmse"]["estimate"]),
        "n_recordings": counts["n_recordings"],
        "n_rows": counts["n_rows"],
    }


def _slice_tables(content: ReportContent, models: Sequence[str]) -> Iterator[dict[str, Any]]:
    top = content.evaluations.filter(pl.col("metric") == "rmse")["estimate"].max()
    widest = float(top) if isinstance(top, float) and top > 0 else 1.0
    for name, title in SLICE_TITLES.items():
        for draw in DRAWS:
            part = content.evaluations.filter((pl.col("draw") == draw) & (pl.col("slice") == name))
            rows = []
            for value in part["value"].unique(maintain_order=True):
                cells = _cells(content, draw, name, value)
                first = cells[models[0], "rmse"]
                rows.append(
                    {
                        "value": CODEC_NAMES.get(value, value) if name == "codec" else value,
                        "n_recordings": first["n_recordings"],
                        "n_rows": first["n_rows"],
                        "cells": [(cells[m, "rmse"], cells[m, "pearson"]) for m in models],
                        "share": 100.0 * first["estimate"] / widest,
                    }
                )
            if rows:
                yield {"title": title, "draw": draw, "rows": rows, "models": models}


def _affordable(examples: Sequence[Example], n_bytes: int) -> list[Mapping[str, Any]]:
    """Give examples their pictures and players while the page has room for them."""
    left = n_bytes * 3 // 4  # base64 writes four bytes for three
    shown: list[Mapping[str, Any]] = []
    for example in examples:
        fits = example.n_bytes <= left
        left -= example.n_bytes if fits else 0
        shown.append({"example": example, "media": fits})
    return shown
