"""Pairs that sound alike and have two labels: what the unavoidable error is made of.

One side is an untouched row of a dark reference, music that itself ends low; the other is music of
another recording, from whose full band a low-pass took the top. ViSQOL, which hears the reference,
gives the first all points and the second few; without the reference they are hard to tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from musqa_pipeline.stages.evaluation.ceiling import Floats, component_scores

LEAST_GAP = 20.0
"""Points by which the two labels differ at least."""
ALIKE_SHARE = 0.25
"""Pairs are no twins if more than this share of all pairs is nearer to each other."""
SHOWN_COLUMNS = ("catalog", "excerpt_id", "degraded_id", "recording", "what", "label")


def find_twins(rows: pl.DataFrame, descriptors: Sequence[str], n: int) -> list[dict[str, Any]]:
    """Find untouched dark music and low-passed full-band music with nearly the same features."""
    rows = rows.sort("catalog", "degraded_id")
    dark = _numbers(rows, (pl.col("reference") == "dark") & (pl.col("depth") == 0))
    lowpassed = _numbers(
        rows, (pl.col("reference") == "full band") & (pl.col("codec") == "lowpass")
    )
    if not len(dark) or not len(lowpassed):
        return []
    points = component_scores(rows.select(descriptors).to_numpy().astype(np.float64))
    recording = rows["recording"].to_numpy().astype(np.str_)
    label = rows["label"].to_numpy()
    squared = _squared(points[dark], points[lowpassed])
    squared[recording[dark][:, None] == recording[lowpassed][None, :]] = np.inf
    squared[label[dark][:, None] - label[lowpassed][None, :] < LEAST_GAP] = np.inf
    usual = _usual_distances(points, recording)
    found: list[dict[str, Any]] = []
    while len(found) < n:
        i, j = np.unravel_index(int(squared.argmin()), squared.shape)
        nearer_share = float((usual < squared[i, j]).mean())
        if not np.isfinite(squared[i, j]) or nearer_share > ALIKE_SHARE:
            break
        found.append(
            {
                "dark": rows.select(SHOWN_COLUMNS).row(int(dark[i]), named=True),
                "lowpassed": rows.select(SHOWN_COLUMNS).row(int(lowpassed[j]), named=True),
                "nearer_share": nearer_share,
            }
        )
        squared[recording[dark] == recording[dark[i]]] = np.inf
        squared[:, recording[lowpassed] == recording[lowpassed[j]]] = np.inf
    return found


def _numbers(rows: pl.DataFrame, where: pl.Expr) -> np.ndarray:
    return rows.select(where.arg_true()).to_series().to_numpy().astype(np.intp)


def _squared(a: Floats, b: Floats) -> Floats:
    return np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * a @ b.T, 0.0)


def _usual_distances(points: Floats, recording: np.ndarray, n_rows: int = 1_000) -> Floats:
    """Squared distances between rows of two recordings, of evenly spread rows."""
    chosen = np.unique(np.linspace(0, len(points) - 1, n_rows).astype(np.intp))
    squared = _squared(points[chosen], points[chosen])
    apart: Floats = squared[recording[chosen][:, None] != recording[chosen][None, :]]
    return apart
