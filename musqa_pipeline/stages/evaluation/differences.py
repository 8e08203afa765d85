"""Two models on the same rows: the difference of their errors, with an interval over recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.evaluation.repetitions import (
    ends_of,
    estimates_of,
    mean_of,
    repetitions_of,
    resamples_of,
)
from musqa_pipeline.stages.evaluation.slices import DRAWS, judged_rows
from musqa_pipeline.studies.statistics.bootstrap import Floats


def paired_differences(
    predictions: pl.DataFrame, settings: EvaluationSettings, *metrics: str
) -> list[dict[str, Any]]:
    """Compare every two models on the same rows and the same resamples."""
    test = judged_rows(predictions)
    found: list[dict[str, Any]] = []
    for (protocol, variant), judged in test.group_by("protocol", "variant", maintain_order=True):
        for draw in DRAWS:
            drawn = judged.filter(pl.col(draw))
            sides = [
                _Side.of(model, rows, settings, draw, metrics or ("rmse",))
                for (model,), rows in drawn.group_by("model", maintain_order=True)
            ]
            found += [
                {
                    "protocol": protocol,
                    "variant": variant,
                    "draw": draw,
                    **_difference(first, second, metric, settings.confidence),
                }
                for i, first in enumerate(sides)
                for second in sides[i + 1 :]
                for metric in metrics or ("rmse",)
            ]
    return found


def find_difference(
    differences: Sequence[Mapping[str, Any]],
    protocol: str,
    draw: str,
    first: str,
    second: str,
    metric: str,
) -> dict[str, Any] | None:
    """Find a paired difference, turned so that it is the first's metric less the second's."""
    for row in differences:
        if (row["protocol"], row["variant"], row["draw"], row["metric"]) == (
            protocol, "", draw, metric,
        ):  # fmt: skip
            if (row["first"], row["second"]) == (first, second):
                return {key: row[key] for key in ("difference", "low", "high")}
            if (row["second"], row["first"]) == (first, second):
                turned = (row["difference"], row["high"], row["low"])
                return {
                    key: None if value is None else -value
                    for key, value in zip(("difference", "low", "high"), turned, strict=True)
                }
    return None


@dataclass(frozen=True)
class _Side:
    """One model of a pair: each metric, and its resamples if there are recordings enough."""

    model: str
    estimates: Mapping[str, float | None]
    resamples: Mapping[str, Floats] | None
    n_recordings: int

    @classmethod
    def of(
        cls,
        model: Any,
        rows: pl.DataFrame,
        settings: EvaluationSettings,
        draw: str,
        metrics: Sequence[str],
    ) -> _Side:
        repetitions = repetitions_of(rows)
        ranks = "spearman" in metrics
        return cls(
            str(model),
            {metric: mean_of(estimates_of(repetitions, metric)) for metric in metrics},
            resamples_of(repetitions, settings, draw, "all", "all", ranks=ranks),
            rows["recording"].n_unique(),
        )


def _difference(first: _Side, second: _Side, metric: str, confidence: float) -> dict[str, Any]:
    draws = None
    if first.resamples is not None and second.resamples is not None:
        draws = first.resamples[metric] - second.resamples[metric]
    a, b = first.estimates[metric], second.estimates[metric]
    return {
        "first": first.model,
        "second": second.model,
        "metric": metric,
        "difference": None if a is None or b is None else a - b,
        **ends_of(draws, confidence),
        "n_recordings": first.n_recordings,
    }
