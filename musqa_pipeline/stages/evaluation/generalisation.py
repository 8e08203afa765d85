"""What it costs a model to meet something new: the same rows, unknown and known.

A protocol of generalisation leaves something out of the training (a codec, cascades, real music);
the protocol ``folds`` trained the same model on it. The rows that both predicted are compared, so
that neither their number nor their difficulty makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.degradations.words import CODEC_NAMES
from musqa_pipeline.stages.evaluation.repetitions import (
    ends_of,
    estimates_of,
    mean_of,
    repetitions_of,
    resamples_of,
)
from musqa_pipeline.stages.evaluation.slices import codec_rows

LEFT_OUT = {
    "leave_codec_out": "codec {}",
    "singles_to_cascades": "cascades",
    "synthesised_to_real": "real music",
    "real_to_synthesised": "synthesised music",
}
"""Protocols of generalisation, and what each leaves out of the training."""
KNOWN = "folds"
"""Protocol whose models knew it."""
DRAWN = {
    "natural_mix": pl.col("natural_mix"),
    "uniform_draw": pl.col("uniform_draw"),
    "codecs alone": pl.col("natural_mix") & codec_rows(),
}
"""Rows that are compared, each apart."""
_ROW = ["catalog", "degraded_id"]


def generalisation_rows(
    predictions: pl.DataFrame, settings: EvaluationSettings
) -> list[dict[str, Any]]:
    """Compare each model on what it never met with itself on the same rows when it had."""
    known = predictions.filter(protocol=KNOWN)
    found: list[dict[str, Any]] = []
    for draw, where in DRAWN.items():
        for left_out, model, rows in _unknown(predictions.filter(where)):
            same = known.filter(model=model).join(rows, on=_ROW, how="semi")
            compared = _compare(rows, same, settings)
            found.append({"draw": draw, "left_out": left_out, "model": model, **compared})
    return found


def _unknown(drawn: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    for protocol, words in LEFT_OUT.items():
        rows = drawn.filter(protocol=protocol)
        parts = rows.group_by("fold", "model", maintain_order=True)
        for (fold, model), part in sorted(parts, key=lambda item: str(item[0][0])):
            name = CODEC_NAMES.get(str(fold), str(fold))
            yield words.format(name), str(model), part


def _compare(
    unknown: pl.DataFrame, known: pl.DataFrame, settings: EvaluationSettings
) -> dict[str, Any]:
    sides = [repetitions_of(unknown), repetitions_of(known)]
    n_rows = sides[0][0].height
    if sides[1] and sides[1][0].height != n_rows:
        sides[1] = []  # another set of rows is no comparison
    rmse, known_rmse, r, known_r = (
        mean_of(estimates_of(side, metric)) if side else None
        for metric in ("rmse", "pearson")
        for side in sides
    )
    draws = None
    if sides[1]:
        new, old = (resamples_of(side, settings, "generalisation", ranks=False) for side in sides)
        if new is not None and old is not None:
            draws = new["rmse"] - old["rmse"]
    return {
        "pearson": r,
        "rmse": rmse,
        "known_pearson": known_r,
        "known_rmse": known_rmse,
        "difference": None if rmse is None or known_rmse is None else rmse - known_rmse,
        **ends_of(draws, settings.confidence),
        "n_rows": n_rows,
        "n_recordings": unknown["recording"].n_unique(),
        "n_repetitions": len(sides[0]),
        "n_known_repetitions": len(sides[1]),
    }
