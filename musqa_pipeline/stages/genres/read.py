"""Rows of `genres` read for a preset, and classifiers compared over seeds, clip by clip."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.genres.table import GENRES
from musqa_pipeline.studies.statistics.bootstrap import Estimate, estimate, paired_difference
from musqa_pipeline.studies.statistics.classes import weighted_f1


class Side(NamedTuple):
    """A classifier with all its seeds."""

    of: str
    pooling: str = "none"
    loss: str = "none"
    inputs: str = "nothing"
    rounded: bool = False

    @classmethod
    def of_latents(cls, loss: str, inputs: str, pooling: str) -> Side:
        """Return the encoders of a loss and input; untrained ones are asked before they round."""
        if loss == "untrained":
            return cls("latents", pooling, loss, "nothing", rounded=False)
        return cls("latents", pooling, loss, inputs, rounded=True)


def read_genres(context: Context) -> pl.DataFrame:
    """Read the classifiers of a preset."""
    partition = context.joint_partition("genres")
    return pl.DataFrame(context.lake.scan(partition, GENRES.schema))


def rows_of(rows: pl.DataFrame, clips: str, side: Side) -> list[dict[str, Any]]:
    """Return the rows of a classifier on a kind of clips, by seed."""
    return rows.filter(clips=clips, **side._asdict()).sort("seed").to_dicts()


def mean_f1(rows: pl.DataFrame, clips: str, side: Side) -> Estimate | None:
    """Average weighted F1 over seeds, with its interval over recordings; None without any row."""
    found = rows_of(rows, clips, side)
    if not found:
        return None
    first = found[0]
    return estimate(weighted_f1, first["labels"], _predicted(found), first["recordings"], "genres")


def difference(rows: pl.DataFrame, clips: str, first: Side, second: Side) -> Estimate | None:
    """Compare two classifiers, first less second, on the same clips; None where one has no row.

    Seeds are averaged within each, so that the interval is over recordings and says nothing of
    further seeds.
    """
    ours, theirs = (rows_of(rows, clips, side) for side in (first, second))
    if not ours or not theirs:
        return None
    if ours[0]["names"] != theirs[0]["names"]:
        raise StageError("genres: two classifiers were tested on other clips; run the stage again")
    return paired_difference(
        weighted_f1,
        ours[0]["labels"],
        _predicted(ours),
        _predicted(theirs),
        ours[0]["recordings"],
        "genres",
    )


def together(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the predictions of all seeds into one row, for a confusion matrix."""
    both = ("labels", "predicted")
    return {**found[0], **{name: [c for row in found for c in row[name]] for name in both}}


def _predicted(found: list[dict[str, Any]]) -> np.ndarray:
    return np.array([row["predicted"] for row in found]).T
