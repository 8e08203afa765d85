"""Who trains and who is predicted in each training of a release: pure functions of the rows.

Darker copies train nowhere: they are asked where their recording is held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.models.trials.divisions import folds_of, in_hash_order

FINAL = "final"
"""The training on all rows that may train, which becomes the model."""
WATCHED_FRACTION = 0.05
"""Share of the training groups whose loss the curves show; nothing depends on it."""

OR_NONE = 'or make none: [release] network = "" in a preset of your own'
"""What else is left to those who want no release."""


@dataclass(frozen=True)
class Parts:
    """Rows of one training of a release."""

    train: pl.DataFrame
    watched: pl.DataFrame
    """Some of `train`: a training wants rows to look at, and this one must not stop by any."""
    predicted: pl.DataFrame
    """With ``asked``, see the table `release`; of groups of which nothing trains."""


def divide(rows: pl.DataFrame, fold: str, n_folds: int) -> Parts:
    """Divide the rows for one training."""
    test, copy = pl.col("part") == "test", pl.col("tier") == COPY_TIER
    real = ~copy & (pl.col("tier") != SYNTHESISED_TIER)
    drawn = pl.col("uniform_draw") | pl.col("natural_mix")
    free = rows.filter(~test & pl.col("allowed"))
    if fold == FINAL:
        train = free.filter(~copy)
        asked = pl.when(test).then(pl.lit("test")).otherwise(pl.lit("left_out"))
        unmet = ~pl.col("split_group").is_in(train["split_group"].unique().implode())
        predicted = rows.filter(real & drawn & (test | unmet)).with_columns(asked=asked)
    else:
        place = folds_of(free.filter(real), n_folds)
        held = sorted(group for group, number in place.items() if number == int(fold))
        inside = pl.col("split_group").is_in(held)
        train = free.filter(~inside & ~copy)
        asked = pl.when(copy).then(pl.lit("copies")).otherwise(pl.lit("out_of_fold"))
        predicted = free.filter((real | copy) & drawn & inside).with_columns(asked=asked)
        if predicted.filter(real).is_empty():
            raise StageError(
                f"release: fold {fold} of {n_folds} has no recording to predict; add recordings "
                f"under terms that [release] licences names, lower n_folds, {OR_NONE}"
            )
    if train.is_empty():
        raise StageError(
            "release: no row may train; add recordings under terms that [release] licences names, "
            f"{OR_NONE}"
        )
    return Parts(train, train.filter(pl.col("split_group").is_in(_watched(train))), predicted)


def _watched(train: pl.DataFrame) -> list[str]:
    groups = in_hash_order(train["split_group"].unique().to_list(), "release-watched", 0)
    return groups[: max(1, round(WATCHED_FRACTION * len(groups)))]
