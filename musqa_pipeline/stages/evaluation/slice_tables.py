"""Tables of the page that are slices: where a model works and where it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from musqa_pipeline.stages.degradations.words import CODEC_NAMES
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.slices import DRAWS

SLICE_TITLES = {
    "codec": "Last codec",
    "bitrate_kbps": "Last bitrate, kbit/s",
    "kind": "How it was drawn",
    "depth": "Processes in a row",
    "tier": "Origin of the recording",
    "genre": "Genre",
    "reference": "Reference",
    "label": "Label",
    "part": "Part",
}
"""Slices that have tables, in their order."""


def slice_tables(
    content: ReportContent, protocol: str, models: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the tables of one protocol."""
    told = content.evaluations.filter(
        pl.col("model").is_in(list(models)),
        pl.col("metric").is_in(["rmse", "pearson"]),
        protocol=protocol,
        variant="",
    )
    top = told.filter(metric="rmse")["estimate"].max()
    widest = float(top) if isinstance(top, float) and top > 0 else 1.0
    for name, title in SLICE_TITLES.items():
        for draw in DRAWS:
            part = told.filter(draw=draw, slice=name)
            cells = {(r["value"], r["model"], r["metric"]): r for r in part.iter_rows(named=True)}
            rows = []
            for value in part["value"].unique(maintain_order=True):
                first = cells.get((value, models[0], "rmse"))
                if first is None:
                    continue
                rows.append(
                    {
                        "value": CODEC_NAMES.get(value, value) if name == "codec" else value,
                        "n_recordings": first["n_recordings"],
                        "n_rows": first["n_rows"],
                        "cells": [
                            (cells.get((value, m, "rmse")), cells.get((value, m, "pearson")))
                            for m in models
                        ],
                        "share": 100.0 * first["estimate"] / widest,
                    }
                )
            if rows:
                yield {"title": title, "draw": draw, "rows": rows, "models": models}
