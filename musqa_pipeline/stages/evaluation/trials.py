"""From the table `trials` to the predictions frame."""

from __future__ import annotations

import polars as pl

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.slices import PREDICTIONS_SCHEMA
from musqa_pipeline.stages.models.trials.stage import list_units, wants_trials
from musqa_pipeline.stages.models.trials.table import TRIALS
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS


def read_trials(context: Context, rows: pl.DataFrame) -> pl.DataFrame:
    """Read the predictions of the trials that a preset asks for."""
    trials = wanted_trials(context)
    if trials.is_empty():
        return pl.DataFrame(schema=PREDICTIONS_SCHEMA)
    order = {
        (protocol, model): (i, j)
        for i, (protocol, counts) in enumerate(context.preset.protocols.wanted().items())
        for j, model in enumerate(counts)
    }
    frames = [
        part.join(rows, on=KEYS, how="inner", maintain_order="left").with_columns(
            pl.col("predicted") * POINTS
        )
        for _, part in sorted(
            trials.sort("variant", "repetition", *KEYS).group_by(
                "protocol", "model", maintain_order=True
            ),
            key=lambda item: order[str(item[0][0]), str(item[0][1])],
        )
    ]
    return pl.concat(frames).select(pl.col(n).cast(t) for n, t in PREDICTIONS_SCHEMA.items())


def wanted_trials(context: Context) -> pl.DataFrame:
    """Read the rows of the table `trials` that a preset asks for, and that are whole."""
    empty = pl.DataFrame(TRIALS.schema.empty_table())
    if not wants_trials(context):
        return empty
    partition = context.joint_partition("trials")
    done = set(context.lake.done(partition))
    units = list_units(context)
    found = context.lake.scan(
        partition,
        TRIALS.schema,
        units=[u.unit_id for u in units if u.unit_id in done],
    )
    trials = pl.DataFrame(found).filter("finished")
    wanted = pl.DataFrame([unit.plan for unit in units])
    repetition = ["protocol", "variant", "model", "repetition"]
    asked = wanted.group_by(repetition).agg(n_asked=pl.col("fold").n_unique())
    made = trials.group_by(repetition).agg(n_made=pl.col("fold").n_unique())
    whole = asked.join(made, on=repetition).filter(pl.col("n_asked") == pl.col("n_made"))
    return trials.join(whole, on=repetition, how="semi")
