"""The report page: from `ReportContent` to one HTML file that needs nothing else.

All styles, figures, pictures and sounds are inside; there is no script and no address of another
host, so the file can be mailed, printed or kept.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.gan.falls import KIND_WORDS
from musqa_pipeline.stages.evaluation.leaderboard import (
    ABLATIONS,
    PROTOCOL_TITLES,
    leaderboards,
    main_protocol,
    not_run_at_all,
    plays_fair,
    shown_first,
)
from musqa_pipeline.stages.evaluation.listeners import listening_tables
from musqa_pipeline.stages.evaluation.pages import render_page
from musqa_pipeline.stages.evaluation.report_figures import (
    COMPARED_BASELINES,
    distribution_figure,
    listening_figures,
    prediction_figures,
    protocol_figures,
    table_vi_figure,
    training_figures,
)
from musqa_pipeline.stages.evaluation.report_parts import (
    DIGITS,
    affordable,
    generalisation_part,
    main_draw,
    order_part,
    paper_part,
    statistics_part,
    table_vi_part,
    tiles,
)
from musqa_pipeline.stages.evaluation.slice_tables import slice_tables
from musqa_pipeline.stages.evaluation.summary import headline_model, sentences

PAGE_BYTES = 5_000_000
"""Most bytes of the page; examples beyond it are listed without pictures and players."""
_TEXT_BYTES = 500_000
"""Set aside for all that is neither a figure nor an example."""
_MAX_SLICED = 4
"""Models in the tables of slices."""


def render_report(content: ReportContent) -> str:
    """Make the page."""
    package = "musqa_pipeline.stages.evaluation"
    return render_page(package, "report.html.jinja", **_page_values(content))


def report_json(content: ReportContent) -> str:
    """Return the page's numbers as JSON."""
    protocol, headline = main_protocol(content.predictions), headline_model(content.runs)
    value = {
        "preset": content.preset,
        "catalogs": list(content.catalogs),
        "confidence": content.confidence,
        "protocol": protocol,
        "headline_model": headline,
        "shown_first": shown_first(content.predictions, protocol, headline),
        "summary": _summary(content, protocol, headline),
        "evaluations": content.evaluations.to_dicts(),
        "differences": [dict(row) for row in content.differences],
        "generalisation": [dict(row) for row in content.generalisation],
        "listening": [
            {"test": result.test, "model": result.model, **dataclasses.asdict(each)}
            for result in content.listening
            for each in result.estimates
        ],
        "table_vi": _table_vi(content),
        "lowpass_order": order_part(content, protocol),
        "unavoidable_error": [
            {k: v for k, v in vars(each).items() if k not in ("distances", "half_squares")}
            for each in content.ceilings
        ],
        "trials": [dict(row) for row in content.trials],
        "gan": [dataclasses.asdict(network) for network in content.gan],
        "costs": [dict(row) for row in content.costs],
        "not_run": not_run_at_all(content),
        "random_weights": list(content.random_weights),
        "runs": [dict(row) for row in content.runs],
        "parts": [dict(row) for row in content.parts],
        "near_duplicates": content.near_duplicates and [dict(p) for p in content.near_duplicates],
        "provenance": {name: dict(part) for name, part in content.provenance.items()},
    }
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)


def _table_vi(content: ReportContent) -> dict[str, Any] | None:
    """Return the lines beside table VI as plain values; infinity is no number of JSON."""
    beside = content.table_vi
    if beside is None:
        return None
    rows = [
        {name: None if value in (math.inf, -math.inf) else value for name, value in row.items()}
        for row in beside.rows()
    ]
    counts = {"n_files": beside.n_files, "n_recordings": beside.n_recordings}
    return {**counts, "remarks": beside.remarks, "rows": rows}


def _summary(content: ReportContent, protocol: str, headline: str | None) -> list[str]:
    lead = shown_first(content.predictions, protocol, headline)
    if lead in BASELINES:
        return ["No network has finished its training; only the baselines have results."]
    return sentences(
        lead,
        content.evaluations,
        content.differences,
        protocol=protocol,
        labeller=content.labeller,
    )


def _page_values(content: ReportContent) -> dict[str, Any]:
    protocol, headline = main_protocol(content.predictions), headline_model(content.runs)
    lead = shown_first(content.predictions, protocol, headline)
    draw = main_draw(content, protocol)
    told = content.predictions.filter(content.predictions["protocol"] == protocol)
    models = told["model"].unique(maintain_order=True).to_list()
    networks = [m for m in models if m not in BASELINES and plays_fair(content, m)]
    compared = [m for m in COMPARED_BASELINES if m in models]
    sliced = list(dict.fromkeys([lead, *compared[:1], *networks, *compared]))[:_MAX_SLICED]
    tables = leaderboards(content)
    leader = next(t["leader"] for t in tables if (t["protocol"], t["draw"]) == (protocol, draw))
    tests = statistics_part(content, protocol, draw, leader)
    sections = list(prediction_figures(content, protocol, lead))
    curves, distribution = list(training_figures(content)), distribution_figure(content)
    more, heard = protocol_figures(content, draw), listening_figures(content)
    more["table_vi"] = table_vi_figure(content)
    used = sum(len(item["svg"]) for item in [*sections, *curves, *heard]) + len(distribution)
    used += sum(len(svg) for svg in more.values() if svg)
    media = affordable([*content.twins, *content.examples], PAGE_BYTES - _TEXT_BYTES - used)
    n_twins = len(content.twins)
    return {
        "content": content,
        "protocol": protocol,
        "protocol_title": PROTOCOL_TITLES[protocol],
        "headline": headline,
        "lead": lead,
        "leader": leader,
        "main_draw": draw,
        "summary": _summary(content, protocol, headline),
        "tiles": tiles(content, protocol, lead),
        "leaderboards": tables,
        "ablations": [t for t in tables if t["protocol"] == ABLATIONS],
        "digits": DIGITS,
        "not_run": not_run_at_all(content),
        "paper": paper_part(content),
        "tests": tests,
        "n_shown": sum(_excludes_zero(row["rmse"]) for row in tests),
        "slices": list(slice_tables(content, protocol, sliced)),
        "sections": sections,
        "first_figure": next(iter(sections), None),
        "n_scatter": sum(item["section"] == "scatter" for item in sections),
        "curves": curves,
        "distribution": distribution,
        "protocol_figures": more,
        "listening_figures": heard,
        "listening": listening_tables(content.listening),
        "table_vi": table_vi_part(content),
        "order": order_part(content, protocol),
        "generalisation": generalisation_part(content),
        "gan_kinds": KIND_WORDS,
        "twins": list(zip(content.twins, media[:n_twins], strict=True)),
        "examples": list(zip(content.examples, media[n_twins:], strict=True)),
        "n_repetitions": _most_repetitions(content, protocol),
    }


def _excludes_zero(row: Mapping[str, Any] | None) -> bool:
    return row is not None and row["low"] is not None and not row["low"] <= 0 <= row["high"]


def _most_repetitions(content: ReportContent, protocol: str) -> int:
    rows = content.evaluations.filter(content.evaluations["protocol"] == protocol)
    return max(rows["n_repetitions"].to_list(), default=1)
