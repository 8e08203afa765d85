"""What the trainings of a release said of unmet recordings, and which intervals follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.networks.boosted_trees import mixed
from musqa_pipeline.learning.networks.musqa_net import HIGHEST_STEP
from musqa_pipeline.release.model.accuracy import UNMET, coverage_of, voted_share
from musqa_pipeline.release.model.calibration import (
    Evidence,
    Floats,
    as_record,
    cross_calibrated,
    evidence_of,
    fit_calibration,
    interval_ends,
    vote_weights,
    within,
)
from musqa_pipeline.release.model.domain import IS_NOISY, Scale, fit_scale, scaled
from musqa_pipeline.release.model.stage import list_units
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import KEYS
from musqa_pipeline.stages.views.release_table import RELEASE


@dataclass(frozen=True)
class Calibrated:
    """What the out-of-fold predictions gave."""

    said: pl.DataFrame
    scale: Scale
    calibration: dict[str, Any]
    coverage: dict[str, Any]
    evidence: Evidence
    low: Floats
    high: Floats
    """Ends of the intervals of `evidence`, each by a calibration without it."""


def read_said(context: Context, rows: pl.DataFrame) -> pl.DataFrame:
    """Read what the networks of a release said, the mean over its seeds."""
    partition = context.joint_partition("release")
    units = [unit.unit_id for unit in list_units(context)]
    missing = context.lake.missing(partition, units)
    if missing:
        raise StageError(
            f"release: {len(missing)} of {len(units)} trainings are not done; run the stage "
            "release again"
        )
    said = pl.DataFrame(context.lake.scan(partition, RELEASE.schema, units=units))
    n_steps = said["probability"].list.len().max()
    mean = said.group_by("asked", "fold", *KEYS).agg(
        pl.concat_list(
            pl.col("probability").list.get(i).mean() for i in range(int(str(n_steps or 0)))
        ).alias("probability"),
        pl.col("boosted", "cloud", "swing_db").mean(),
    )
    if weight := context.preset.release.boosted_weight:
        networks, trees = (torch.tensor(mean[k].to_list()) for k in ("probability", "boosted"))
        both = mixed(networks, trees, torch.from_numpy(steps_of(mean)).float(), weight)
        mean = mean.with_columns(probability=pl.Series(both.tolist(), dtype=pl.List(pl.Float32)))
    return mean.join(rows, on=KEYS, how="inner").sort("asked", *KEYS)


def steps_of(said: pl.DataFrame) -> Floats:
    """Return the qualities that the probabilities are of."""
    return np.linspace(0, HIGHEST_STEP, len(said["probability"][0]))


def calibrate(said: pl.DataFrame) -> Calibrated:
    """Calibrate on the out-of-fold predictions, and measure what that is worth."""
    steps = steps_of(said)
    folds = said.filter(~IS_NOISY, asked="out_of_fold")
    scale = fit_scale(
        folds["cloud"].to_numpy(),
        folds["swing_db"].to_numpy(),
        vote_weights(folds["split_group"].to_list()),
    )
    distance = scaled(said["cloud"].to_numpy(), said["swing_db"].to_numpy(), scale)
    whole = evidence_of(said, steps, distance)
    said = said.with_columns(predicted=pl.Series(100 * whole.mean), distance=pl.Series(distance))
    asked, trusted = said["asked"], said["trusted"].fill_null(value=False)

    def of(chosen: pl.Series) -> Evidence:
        return whole.take(chosen.to_numpy())

    # Where the original itself lacks something, the label flatters: no calibration learns from it.
    evidence = of((asked == "out_of_fold") & trusted)
    calibration = fit_calibration(evidence)
    low, high = cross_calibrated(evidence)
    folds_covered = within(evidence, low, high)
    coverage = {"out_of_fold": coverage_of(evidence, folds_covered, high - low, "folds")}
    for words, part in (
        ("test", of((asked == "test") & trusted)),
        ("left_out", of((asked == "left_out") & trusted)),
        ("test_with_untrusted_labels", of(asked == "test")),
    ):
        if len(part):
            ends = interval_ends(part, calibration)
            coverage[words] = coverage_of(part, within(part, *ends), ends[1] - ends[0], words)
    unmet = said.filter(pl.col("asked").is_in(UNMET))
    coverage["beyond"] = voted_share(
        (unmet["distance"] > 1).to_numpy(), unmet["split_group"].to_numpy().astype(str), "beyond"
    )
    return Calibrated(said, scale, dict(as_record(calibration)), coverage, evidence, low, high)
