"""The leaderboards: every model on the same rows, by protocol and draw, best first.

Who may lead is a matter of fairness: what hears the reference or is told the process stands in
the table, marked, but sets no bar for a model that hears the degraded excerpt alone. Networks with
a random backbone stand apart. What was not run is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.differences import find_difference
from musqa_pipeline.stages.evaluation.generalisation import LEFT_OUT
from musqa_pipeline.stages.evaluation.slices import DRAWS, HOLDOUT

Cell = dict[str, Any]

PROTOCOL_TITLES = {
    "folds": "Every recording out of fold, and the untouched test recordings",
    "grouped": "Every recording out of fold, labels evenly spread, recordings kept together",
    "repetitions": "The paper’s protocol: repeated splits, the untouched test recordings",
    HOLDOUT: "One training each, the untouched test recordings",
    "stratified": "Every row out of fold, labels evenly spread, recordings on both sides",
    "random_labels": "The control: trained on labels of chance, held against the true ones",
}
"""Protocols that have leaderboards, the page's main one first."""
ABLATIONS = "ablations"
"""Protocol whose table compares with its first model, the whole network."""
SUBSETS = (
    ("all", "all", "all rows"),
    ("part", "untouched test recordings", "test recordings"),
    ("label", "trusted", "trusted labels"),
    ("reference", "full band", "full-band references"),
    ("reference", "dark", "dark references"),
    ("within", "codecs alone", "codecs alone"),
)
"""Slice, value and title of the columns of a leaderboard."""
KNOWS_THE_PROCESS = ("oracle",)
"""Baselines that are told what no model can hear."""


def main_protocol(predictions: pl.DataFrame) -> str:
    """Name the protocol whose rows the page shows in full."""
    run = predictions.select("protocol", "model").unique()
    networks = set(run.filter(~pl.col("model").is_in(list(BASELINES)))["protocol"])
    present = set(run["protocol"])
    for found in (networks, present):
        for protocol in PROTOCOL_TITLES:
            if protocol in found:
                return protocol
    return HOLDOUT


def shown_first(predictions: pl.DataFrame, protocol: str, headline: str | None) -> str:
    """Name the model that the page's figures and slices show first."""
    rows = predictions.filter(protocol=protocol)
    models = rows["model"].unique(maintain_order=True).to_list()
    if headline in models:
        return str(headline)
    networks = [model for model in models if model not in BASELINES]
    return str((networks or models[-1:])[0])


def leaderboards(content: ReportContent) -> list[dict[str, Any]]:
    """Make the leaderboards."""
    tables = []
    titles = {**PROTOCOL_TITLES, ABLATIONS: "What the parts of a network are worth"}
    for protocol, title in titles.items():
        for draw in DRAWS:
            cells = _cells(content.evaluations, protocol, draw)
            whole = {m: c["rmse"] for (m, s, v), c in cells.items() if (s, v) == ("all", "all")}
            if not whole:
                continue
            columns = _columns(cells, list(whole))
            ranked = sorted(whole, key=lambda m: (whole[m]["estimate"], m))
            fair = [m for m in ranked if plays_fair(content, m)]
            leader = next(iter(whole)) if protocol == ABLATIONS else (fair or ranked)[0]
            rows = [_row(content, cells, protocol, draw, columns, m, leader) for m in ranked]
            tables.append(
                {
                    "protocol": protocol,
                    "title": title,
                    "draw": draw,
                    "leader": leader,
                    "columns": [
                        {"title": words, **_sizes(cells, ranked, name, value)}
                        for name, value, words in columns
                    ],
                    "rows": [row for row in rows if not row["random"]],
                    "random": [row for row in rows if row["random"]],
                    "not_run": [
                        m for m in content.networks if m not in whole and protocol != ABLATIONS
                    ],
                }
            )
    return tables


def _columns(
    cells: dict[tuple[str, str, str], dict[str, Cell]], models: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Return the subsets that have rows, and fewer than all: the same rows are shown once."""
    present = [column for column in SUBSETS if any((m, *column[:2]) in cells for m in models)]
    n_rows = {column: _sizes(cells, models, *column[:2])["n_rows"] for column in present}
    whole = present[0]
    return [c for c in present if c == whole or n_rows[c] < n_rows[whole]]


def plays_fair(content: ReportContent, model: str) -> bool:
    """Tell whether a model hears the degraded excerpt alone, so that it may lead a leaderboard."""
    return not (
        model in content.intrusive or model in content.random_weights or model in KNOWS_THE_PROCESS
    )


def not_run_at_all(content: ReportContent) -> list[str]:
    """Name the networks of the registry that stand in no table of the page."""
    shown = set(PROTOCOL_TITLES) | set(LEFT_OUT) | {"learning_curve"}
    run = set(content.predictions.filter(pl.col("protocol").is_in(list(shown)))["model"])
    return [model for model in content.networks if model not in run]


def _row(
    content: ReportContent,
    cells: dict[tuple[str, str, str], dict[str, Cell]],
    protocol: str,
    draw: str,
    columns: Sequence[tuple[str, str, str]],
    model: str,
    leader: str,
) -> dict[str, Any]:
    """Return one line: model, marks, cells by column (r and RMSE), difference to the leader."""
    whole = cells[model, "all", "all"]
    return {
        "model": model,
        "baseline": model in BASELINES,
        "note": _note(content, model),
        "leads": model == leader,
        "random": model in content.random_weights,
        "n_repetitions": whole["rmse"]["n_repetitions"],
        "cells": [cells.get((model, name, value)) for name, value, _ in columns],
        "whole": whole,
        "difference": find_difference(content.differences, protocol, draw, model, leader, "rmse"),
    }


def _note(content: ReportContent, model: str) -> str:
    if model in content.intrusive:
        return "hears the reference"
    if model in KNOWS_THE_PROCESS:
        return "is told the process"
    return "baseline" if model in BASELINES else ""


def _cells(
    evaluations: pl.DataFrame, protocol: str, draw: str
) -> dict[tuple[str, str, str], dict[str, Cell]]:
    found: dict[tuple[str, str, str], dict[str, Cell]] = {}
    of_table = evaluations.filter(protocol=protocol, variant="", draw=draw)
    for row in of_table.iter_rows(named=True):
        found.setdefault((row["model"], row["slice"], row["value"]), {})[row["metric"]] = row
    return found


def _sizes(
    cells: dict[tuple[str, str, str], dict[str, Cell]], models: Sequence[str], name: str, value: str
) -> dict[str, int]:
    """Rows and recordings of a column; every model of a protocol meets the same."""
    rows = [cells[m, name, value]["rmse"] for m in models if (m, name, value) in cells]
    return {key: max(row[key] for row in rows) for key in ("n_rows", "n_recordings")}
