"""Versions of segments with what is measured and said of them, laid out for statistics.

Rows are in one order throughout: an array of scores has a value for each row of `read_versions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gan_scores.stage import finished_runs
from musqa_pipeline.stages.gan_scores.table import GAN_SCORES
from musqa_pipeline.stages.gans.table import GANS
from musqa_pipeline.stages.segments.table import SEGMENTS
from musqa_pipeline.stages.segments.versions import DRAWN, LADDER, ORIGINAL
from musqa_pipeline.studies.listening.cells import Cell, cell_of
from musqa_pipeline.studies.statistics.ladders import Ladders

Floats = NDArray[np.float64]
PREFIX = "intensity_"
_ORDER = ["catalog", "segment_id", "draw", "kind", "intensity"]
_KEY = ["catalog", "version_id"]


@dataclass(frozen=True)
class Training:
    """A finished training of the preset, with its scores."""

    row: Mapping[str, Any]
    """Its row of `gans`, and its id as ``training``."""
    score: Floats
    """Shape (versions,), as the genre of each."""
    mean_genre_score: Floats
    """Shape (versions,)."""

    @property
    def name(self) -> str:
        """Network and seed."""
        return f"{self.row['network']}-{self.row['seed']}"


def read_versions(context: Context) -> pl.DataFrame:
    """Read the versions of all segments, with degradations by their short names.

    ``whose`` tells recordings of several catalogs apart. Raises StageError if there is none.
    """
    stored = pl.DataFrame(context.lake.scan(context.joint_partition("segments"), SEGMENTS.schema))
    if stored.is_empty():
        raise StageError(
            f"preset {context.preset.name} has no segments; name a network in [gan] networks, and "
            "run it until models"
        )
    return stored.with_columns(
        kind=pl.col("kind").str.strip_prefix(PREFIX),
        whose=pl.concat_str("catalog", "recording", separator="/"),
    ).sort(_ORDER)


def read_trainings(context: Context, versions: pl.DataFrame) -> list[Training]:
    """Read the finished trainings of the preset with their scores, in order of network and seed.

    Raises StageError if there is none, or one that did not score all versions.
    """
    scores = pl.DataFrame(
        context.lake.scan(context.joint_partition("gan_scores"), GAN_SCORES.schema)
    )
    partition, found = context.joint_partition("gans"), []
    for run in finished_runs(context):
        own = scores.filter(training=run["training"])
        both = versions.select(_KEY).join(own, on=_KEY, how="left", maintain_order="left")
        said = [both[name].to_numpy() for name in ("score", "mean_genre_score")]
        if not all(np.isfinite(values).all() for values in said):
            raise StageError(
                f"gan_scores: {run['network']}, seed {run['seed']}, has not scored all segments; "
                f"run the preset {context.preset.name} until models"
            )
        row = context.lake.read(partition, run["training"], GANS.schema.names).to_pylist()[0]
        found.append(Training({**row, "training": run["training"]}, *said))
    if not found:
        raise StageError(
            f"preset {context.preset.name} has no finished training of a GAN; run it until models"
        )
    return sorted(found, key=lambda one: (one.row["network"], one.row["seed"]))


def ladders_of(versions: pl.DataFrame, score: Floats) -> dict[str, Ladders]:
    """Arrange scores of versions as ladders, by kind of damage."""
    rows = versions.with_columns(score=pl.Series(score)).filter(draw=LADDER)
    found = {}
    for (kind,), of_kind in rows.group_by("kind", maintain_order=True):
        steps = of_kind["intensity"].unique().sort().to_numpy()
        ordered = of_kind.sort("catalog", "segment_id", "intensity")
        whose = ordered["whose"].to_numpy()[:: len(steps)]
        scores = ordered["score"].to_numpy().reshape(-1, len(steps))
        found[str(kind)] = Ladders(steps, scores, whose)
    return found


def cells_of(versions: pl.DataFrame) -> tuple[NDArray[np.bool_], list[Cell]]:
    """Return which versions a table of ratings by cell is compared with, and the cell of each.

    They are originals and ladders, where each fifth of the intensity has one step.
    """
    chosen = (versions["draw"] != DRAWN).to_numpy()
    rows = versions.filter(chosen).select("kind", pl.col("intensity").fill_null(0.0)).rows()
    return chosen, [cell_of(kind, intensity) for kind, intensity in rows]


def original_of(versions: pl.DataFrame) -> NDArray[np.int64]:
    """Return the number of the row of each version's original."""
    numbered = versions.with_row_index("row")
    originals = numbered.filter(draw=ORIGINAL).select("catalog", "segment_id", original="row")
    both = numbered.join(originals, on=["catalog", "segment_id"], how="left", maintain_order="left")
    return both["original"].to_numpy().astype(np.int64)
