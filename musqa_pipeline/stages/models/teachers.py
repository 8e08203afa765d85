"""What other metrics say of the rows that train: the targets of networks with several teachers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.dataset.second_metric.stage import asked_metrics
from musqa_pipeline.stages.dataset.second_metric.table import OPINIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import KEYS

if TYPE_CHECKING:
    from musqa_pipeline.learning.data.shards import ImageShards


def teachings(context: Context, model: str) -> list[str]:
    """Return what a network's targets depend on beside its images; nothing with one teacher.

    Raises SettingsError if the preset does not ask for a teacher's opinion.
    """
    teachers = find_model(model).teachers
    missing = [name for name in teachers if name not in asked_metrics(context.preset.opinions)]
    if missing:
        raise SettingsError(
            f"[models] or [protocols]: {model} learns from {missing[0]}, which the preset does not "
            f"ask for; set [opinions] metrics to {list(teachers)}"
        )
    return [context.joint_partition("opinions").fingerprint] if teachers else []


def teach(model: str, images: ImageShards, places: Sequence[Context]) -> None:
    """Give images that train a network its further teachers' scores, (second_mos - 1) / 4.

    A row that a teacher refused has no target of it. Raises StageError if no row has any.
    """
    teachers = find_model(model).teachers
    if not teachers:
        return
    columns = [*KEYS, "metric", "second_mos"]
    said = pl.concat(
        pl.DataFrame(
            place.lake.scan(place.joint_partition("opinions"), OPINIONS.schema, columns=columns)
        )
        for place in places
    ).with_columns(pl.col("metric").str.split(" ").list.first())
    wanted = pl.DataFrame(images.labels.select(KEYS))
    for name in teachers:
        scores = said.filter(metric=name).select(
            *KEYS, ((pl.col("second_mos") - 1) / 4).alias(name)
        )
        wanted = wanted.join(scores, on=KEYS, how="left", maintain_order="left", validate="1:1")
    if all(wanted[name].is_null().all() for name in teachers):
        raise StageError(
            f"{model}: no row has an opinion of {' or '.join(teachers)}; run the stage opinions"
        )
    images.add_targets(wanted.select(teachers).fill_null(np.nan).to_numpy().astype(np.float32))
