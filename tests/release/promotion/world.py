"""A small lake whose network can be trained anew by writing other weights."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import torch

from musqa_pipeline.core.settings.evaluation import PromotionSettings
from musqa_pipeline.learning.training.checkpoint import write_weights
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.evaluation.stage import report_folder
from musqa_pipeline.stages.models.stage import run_folder
from musqa_pipeline.stages.spectrograms.features.table import FEATURES
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS
from tests.stages.evaluation.small_lake import PRESET, small_lake

PROMOTED = dataclasses.replace(
    PRESET, promotion=PromotionSettings(network="brightness", margin_points=1.0, n_bootstrap=200)
)


def lake_with_champions(home, bias=0.05):
    """The lake of the evaluation's tests, with a report and a preset that promotes."""
    context = small_lake(home, bias=bias, preset=PROMOTED)
    with_report(context)
    return context


def with_report(context, text="<p>report</p>"):
    folder = report_folder(context)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(text)
    (folder / "report.json").write_text("{}")


def train_anew(context, bias):
    """Give the network the error of `bias` quality, as another training would."""
    write_weights(run_folder(context, "brightness") / "weights.pt", {"bias": torch.tensor(bias)})


def changed_dataset(context, change):
    """The same lake where `change` of the rows of `dataset`, and so of their images, was made."""
    moved = {
        **context.fingerprints, "dataset": "d" * 32, "spectrograms": "e" * 32, "features": "f" * 32,
        "models": "a" * 31 + "b", "evaluation": "9" * 32,
    }  # fmt: skip
    after = dataclasses.replace(context, fingerprints=moved)
    rows = change(pl.DataFrame(context.lake.read(context.joint_partition("dataset"), "dataset")))
    table = rows.to_arrow().cast(DATASET.schema)
    context.lake.write(after.joint_partition("dataset"), "dataset", table)
    parts = dict(rows.select("degraded_id", "part").iter_rows())
    for stage, schema in (("spectrograms", SPECTROGRAMS.schema), ("features", FEATURES.schema)):
        partition = context.joint_partition(stage)
        images = pl.concat(
            pl.DataFrame(context.lake.read(partition, unit))
            for unit in context.lake.done(partition)
        ).filter(pl.col("degraded_id").is_in(list(parts)))
        images = images.with_columns(
            part=pl.col("degraded_id").replace_strict(parts, return_dtype=pl.String)
        )
        for (part,), of_part in images.group_by("part"):
            context.lake.write(
                after.joint_partition(stage), f"{part}-00000", of_part.to_arrow().cast(schema)
            )
    return after


def retrained(context, after, bias):
    """Move the run of the network to where the changed dataset looks for it."""
    from tests.stages.evaluation.small_lake import write_run

    write_run(after, "brightness", finished=True, bias=bias)
    with_report(after, "<p>another</p>")
    return after


def noisy_pair(n_recordings, true_difference, seed, rows_each=6):
    """Errors of two models on made-up recordings whose RMSE truly differs by so many points."""
    rng = np.random.default_rng(seed)
    n = n_recordings * rows_each
    recording = np.repeat(np.arange(n_recordings), rows_each)
    shared = rng.normal(0, 4, n_recordings)[recording]
    own = rng.normal(0, 1.5, n_recordings)[recording]
    noise = rng.normal(0, 4, n)
    label = rng.uniform(10, 90, n)
    spread = np.hypot(np.hypot(4, 4), 1.5)
    champion = shared + noise + rng.normal(0, 1.5, n_recordings)[recording]
    new = (shared + noise + own) * (spread + true_difference) / spread
    return pl.DataFrame(
        {"label": label, "new": label + new, "champion": label + champion, "recording": recording}
    )
