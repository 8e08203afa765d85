"""Reconstructions by what was trained and where it was stopped, compared excerpt by excerpt."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from musqa_pipeline.stages.autoencoders.table import AUTOENCODERS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.reconstructions.stage import finished_runs, list_units
from musqa_pipeline.stages.reconstructions.table import RECONSTRUCTIONS
from musqa_pipeline.studies.statistics.bootstrap import Estimate, mean_over_recordings

STOPS = ("equal", "settled", "best", "last")
"""Ways to stop a training, in the order of tables."""
_EXCERPT = ["catalog", "excerpt_id", "whose"]


class Side(NamedTuple):
    """Trainings with all seeds: what they made small, what they saw, where they were stopped."""

    loss: str
    inputs: str
    stop: str


UNTRAINED = Side("none", "nothing", "untrained")


def read_trainings(context: Context) -> list[dict[str, Any]]:
    """Read the rows of `autoencoders` of finished trainings, in the order of `finished_runs`."""
    partition, names = context.joint_partition("autoencoders"), AUTOENCODERS.schema.names
    return [
        context.lake.read(partition, run["training"], names).to_pylist()[0]
        for run in finished_runs(context)
    ]


def read_reconstructions(context: Context) -> pl.DataFrame:
    """Read the reconstructions by what the preset asks; ``whose`` tells recordings apart."""
    partition = context.joint_partition("reconstructions")
    wanted = {unit.unit_id for unit in list_units(context)}
    units = wanted & set(context.lake.done(partition))
    stored = pl.DataFrame(context.lake.scan(partition, RECONSTRUCTIONS.schema, units=units))
    return stored.with_columns(whose=pl.concat_str("catalog", "recording", separator="/"))


def unmet(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep excerpts that no training met: those of the test part where one learned from music."""
    return rows.filter(part="test") if "music" in rows["inputs"] else rows


def of_side(rows: pl.DataFrame, side: Side) -> pl.DataFrame:
    """Keep the rows of one side."""
    return rows.filter(loss=side.loss, inputs=side.inputs, stop=side.stop)


def mean_of(rows: pl.DataFrame, side: Side, measure: str) -> Estimate | None:
    """Average a measure over seeds and the excerpts of a recording; None without any row.

    The interval is over recordings, and says nothing of further seeds.
    """
    return _over_recordings(of_side(rows, side).drop_nulls(measure), measure)


def difference(rows: pl.DataFrame, first: Side, second: Side, measure: str) -> Estimate | None:
    """Compare two sides, first less second, by excerpt and seed; None where no seed has both."""
    key = [*_EXCERPT, "seed"]
    both = of_side(rows, first).select(*key, measure).join(
        of_side(rows, second).select(*key, other=measure), on=key
    )  # fmt: skip
    less = both.with_columns(pl.col(measure) - pl.col("other")).drop_nulls(measure)
    return _over_recordings(less, measure)


def _over_recordings(rows: pl.DataFrame, measure: str) -> Estimate | None:
    by_excerpt = rows.group_by(_EXCERPT).agg(pl.col(measure).mean()).sort(_EXCERPT)
    if by_excerpt.is_empty():
        return None
    return mean_over_recordings(by_excerpt[measure], by_excerpt["whose"], "reconstructions")
