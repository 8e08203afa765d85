"""What it costs a model to meet something new: the same rows, unknown and known.

A protocol of generalisation leaves something out of the training (a codec or an effect, cascades,
real music); the protocol ``folds`` or ``ablations`` trained the same model on it. The rows that
both predicted are compared, so that neither their number nor their difficulty makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.core.settings.per_catalog import EFFECT_NAMES
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
KNOWN = ("folds", "ablations")
"""Protocols whose models knew it: the first one that predicted the same rows is compared."""
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
    known = [predictions.filter(protocol=protocol) for protocol in KNOWN]
    found: list[dict[str, Any]] = []
    for draw, where in DRAWN.items():
        for left_out, model, rows in _unknown(predictions.filter(where)):
            same = (of.filter(model=model).join(rows, on=_ROW, how="semi") for of in known)
            compared = _compare(rows, list(same), settings)
            found.append({"draw": draw, "left_out": left_out, "model": model, **compared})
    return found


def _unknown(drawn: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    for protocol, words in LEFT_OUT.items():
        rows = drawn.filter(protocol=protocol)
        parts = rows.group_by("fold", "model", maintain_order=True)
        for (fold, model), part in sorted(parts, key=lambda item: str(item[0][0])):
            name = CODEC_NAMES.get(str(fold), str(fold))
            left_out = f"effect {name}" if fold in EFFECT_NAMES else words.format(name)
            yield left_out, str(model), part


def _compare(
    unknown: pl.DataFrame, known: Sequence[pl.DataFrame], settings: EvaluationSettings
) -> dict[str, Any]:
    new = repetitions_of(unknown)
    n_rows = new[0].height
    # Another set of rows is no comparison.
    fitting = (side for side in map(repetitions_of, known) if side and side[0].height == n_rows)
    sides = [new, next(fitting, [])]
    rmse, known_rmse, r, known_r = (
        mean_of(estimates_of(side, metric)) if side else None
        for metric in ("rmse", "pearson")
        for side in sides
    )
    unmet, met = (
        resamples_of(side, settings, "generalisation", ranks=False) if side else None
        for side in sides
    )
    difference = None if unmet is None or met is None else unmet["rmse"] - met["rmse"]
    ends = {
        (name, metric): ends_of(None if draws is None else draws[metric], settings.confidence)
        for name, draws in (("", unmet), ("known_", met))
        for metric in ("pearson", "rmse")
    }
    return {
        "pearson": r,
        "rmse": rmse,
        "known_pearson": known_r,
        "known_rmse": known_rmse,
        "difference": None if rmse is None or known_rmse is None else rmse - known_rmse,
        **ends_of(difference, settings.confidence),
        **{
            f"{name}{metric}_{end}": value
            for (name, metric), found in ends.items()
            for end, value in found.items()
        },
        "n_rows": n_rows,
        "n_recordings": unknown["recording"].n_unique(),
        "n_repetitions": len(sides[0]),
        "n_known_repetitions": len(sides[1]),
    }
