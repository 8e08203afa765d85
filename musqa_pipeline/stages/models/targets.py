"""What a network learns beside quality: what other metrics say of a row, or what its plan says."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.lowpass import LowpassParams
from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.core.settings.per_catalog import EFFECT_NAMES, RANDOM_NAMES
from musqa_pipeline.learning.entry import CLUSTER, PLANNED
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.dataset.second_metric.stage import asked_metrics
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from musqa_pipeline.learning.data.shards import ImageShards
    from musqa_pipeline.stages.models.pretraining.bodies import Body

PROCESSES = (*RANDOM_NAMES, *EFFECT_NAMES)
"""The target ``codec`` is a number of this list."""
LOWEST_HZ = 500.0
"""Edges from here to half the rate are 0 to 1, on a logarithmic scale."""
MOST_POLES = 10
"""Slopes are poles over this; 1 for resampling and for filters that have none."""


def further_inputs(context: Context, model: str) -> list[str]:
    """Return what a network's targets depend on beside its images; nothing without teachers.

    Raises SettingsError if the preset does not ask for a teacher's opinion.
    """
    teachers = _teachers(model)
    missing = [name for name in teachers if name not in asked_metrics(context.preset.opinions)]
    if missing:
        raise SettingsError(
            f"[models] or [protocols]: {model} learns from {missing[0]}, which the preset does not "
            f"ask for; set [opinions] metrics to {teachers}"
        )
    return [context.joint_partition("opinions").fingerprint] if teachers else []


def add_further_targets(
    model: str, images: ImageShards, places: Sequence[Context], body: Body | None = None
) -> None:
    """Give images that train a network the further targets that it learns, NaN where none is.

    Raises StageError if no row has any.
    """
    names = find_model(model).further_targets
    if names == (CLUSTER,):
        assert body
        assert body.folder
        images.add_targets(_clusters(images, body.folder))
        return
    if not names:
        return
    known = pl.concat([_targets(place, names, _teachers(model)) for place in places])
    wanted = pl.DataFrame(images.labels.select(KEYS)).join(
        known, on=KEYS, how="left", maintain_order="left", validate="1:1"
    )
    targets = wanted.select(names).fill_null(np.nan).to_numpy().astype(np.float32)
    if np.isnan(targets).all():
        raise StageError(
            f"{model}: no row has a target of {' or '.join(names)}; run the stage opinions"
        )
    images.add_targets(targets)


def _clusters(images: ImageShards, folder: Path) -> NDArray[np.float32]:
    """Return what clustering calls each image, shape (n_rows, 1)."""
    from musqa_pipeline.learning.data.loader import iter_rows
    from musqa_pipeline.learning.pretraining.dcec import clusters_of

    found = [clusters_of(folder, batch.images.numpy()) for batch in iter_rows(images)]
    return np.concatenate(found).astype(np.float32)[:, None]


def _teachers(model: str) -> list[str]:
    """Name the second metrics among a network's further targets."""
    return [n for n in find_model(model).further_targets if n not in (*PLANNED, CLUSTER)]


def _targets(context: Context, names: Sequence[str], teachers: Sequence[str]) -> pl.DataFrame:
    """Read the targets of all rows of a place, in 0-1 but for the codec's number."""
    found = []
    if len(teachers) < len(names):
        found.append(planned(read_labelled_rows(context)))
    if teachers:
        columns = [*KEYS, "metric", "second_mos"]
        partition = context.joint_partition("opinions")
        said = pl.DataFrame(context.lake.scan(partition, OPINIONS.schema, columns=columns))
        metric, score = pl.col("metric").str.split(" ").list.first(), (pl.col("second_mos") - 1) / 4
        found += [said.filter(metric == name).select(*KEYS, score.alias(name)) for name in teachers]
    every = functools.reduce(_beside, found)
    return every.select(*KEYS, *(pl.col(name).cast(pl.Float64) for name in names))


def _beside(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    return first.join(second, on=KEYS, how="full", coalesce=True, validate="1:1")


def planned(rows: pl.DataFrame) -> pl.DataFrame:
    """Say of labelled rows where the band of the narrower process ends, how steeply, and the codec.

    The result has the columns `KEYS` and `PLANNED`: ``cutoff`` and ``slope`` are null of rows that
    nothing filtered, ``codec`` is the last process's place in `PROCESSES`, null of references.
    """
    ends = {end: _edge_hz(end) for end in ("first", "last")}
    edge_hz = pl.min_horizontal(*ends.values())
    slope = pl.when(ends["last"] <= ends["first"].fill_null(math.inf))
    octaves = math.log2(SAMPLE_RATE_HZ / 2 / LOWEST_HZ)
    return rows.select(
        *KEYS,
        cutoff=((edge_hz / LOWEST_HZ).log(2) / octaves).clip(0, 1),
        slope=slope.then(_slope("last")).when(ends["first"].is_not_null()).then(_slope("first")),
        codec=pl.col("last_name").replace_strict(
            {name: place for place, name in enumerate(PROCESSES)},
            default=None,
            return_dtype=pl.Float64,
        ),
    )


def _edge_hz(end: str) -> pl.Expr:
    """Where the band ends that a process leaves; null if it filters nothing."""
    rate_hz = _number(end, "sample_rate_hz")
    return pl.coalesce(f"{end}_cutoff_hz", pl.when(_is(end, "resample")).then(rate_hz / 2))


def _slope(end: str) -> pl.Expr:
    of_table = _is(end, "lowpass") & pl.col(f"{end}_params").is_null()
    drawn = pl.when(_is(end, "lowpass")).then(_number(end, "order"))
    poles = pl.when(of_table).then(LowpassParams.order).otherwise(drawn.fill_null(MOST_POLES))
    return (poles / MOST_POLES).clip(0, 1)


def _is(end: str, name: str) -> pl.Expr:
    return pl.col(f"{end}_name") == name


def _number(end: str, name: str) -> pl.Expr:
    params = pl.col(f"{end}_params")
    return params.str.json_path_match(f"$.{name}").cast(pl.Float64, strict=False)
