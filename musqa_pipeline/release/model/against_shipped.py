"""A release held against the model that musqa ships, by the rule of promotion.

Both answer the test recordings. The release did not train on them; where the shipped model did,
that favours the shipped one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl

from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.release.promotion.comparison import compare
from musqa_pipeline.release.promotion.frozen import judged_draw
from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.trials.networks import images_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS

_AT_ONCE = 256


def hold_against(context: Context, shipped: ModelFile, said: pl.DataFrame) -> dict[str, Any] | None:
    """Decide whether a release may take the place of the shipped model.

    `said` is that of `out_of_fold.calibrate`. None if the release has no test recordings.
    """
    test = said.filter(asked="test")
    if test.is_empty():
        return None
    draw = judged_draw(test)
    test = test.filter(pl.col(draw))
    points = _points_by(context, shipped, test)
    champion = pl.Series([points[key] for key in test.select(KEYS).iter_rows()])
    rows = test.rename({"predicted": "new"}).with_columns(champion=champion)
    verdict = compare(rows, context.preset.promotion)
    return {
        **asdict(verdict),
        "difference_points": verdict.difference_points,
        "champion": shipped.label,
        "decision": "promoted" if verdict.not_worse else "kept",
        "reason": verdict.reason,
        "draw": draw,
        "n_rows": rows.height,
    }


def against_markdown(found: Mapping[str, Any] | None) -> str:
    """Say the decision in a sentence of the card."""
    if found is None:
        return "There are no test recordings on which another model could be asked."
    word = "shown not to be worse" if found["decision"] == "promoted" else "not shown to be as good"
    return (
        f"Against {found['champion']}, by the rule of promotion (docs/promotion.md): {word}. "
        f"{found['reason'][0].upper()}{found['reason'][1:]} (points of 100; RMSE "
        f"{found['rmse_points']:.2f} and {found['champion_rmse_points']:.2f}; {found['n_rows']:,} "
        f"rows of {found['n_recordings']} test recordings)."
    )


def _points_by(
    context: Context, model: ModelFile, rows: pl.DataFrame
) -> dict[tuple[Any, ...], float]:
    images = images_of(context, context.preset.release.network, rows)
    points: dict[tuple[Any, ...], float] = {}
    for batch in iter_rows(images, _AT_ONCE):
        for *key, image in zip(batch.catalogs, batch.degraded_ids, batch.cells, strict=True):
            points[tuple(key)] = 100 * model.quality(image)
    return points
