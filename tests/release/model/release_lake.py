"""A small lake with band images and licences, from which a release can be made in seconds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from musqa_pipeline.audio.features.bands import N_COLUMNS, N_SEGMENTS
from musqa_pipeline.core.settings.evaluation import ReleaseSettings
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.table import FEATURES
from musqa_pipeline.stages.tracks.table import TRACKS
from tests.stages.evaluation.small_lake import PRESET, small_lake

RELEASE = ReleaseSettings(
    network="musqa_net", name="small", version="0.1", n_folds=2, gates="shown"
)
QUICK = {"musqa_net": {"max_epochs": 1, "warmup_epochs": 0, "batch_size": 8}}
LICENCES = ["CC0-1.0", "CC-BY-4.0", "MIT (repo)", "CC0-1.0", "Public domain", "CC-BY-SA-3.0"]


def band_cells(row):
    """A band image whose highs are as loud as the row is good."""
    rng = np.random.default_rng(int(1e4 * row["quality"]))
    cells = rng.integers(60, 120, (N_SEGMENTS, 4, 256))
    cells[:, :, int(40 + 200 * row["quality"]) :] = 0
    return cells.reshape(N_SEGMENTS, N_COLUMNS).astype(np.uint8)


def release_lake(home: Path) -> Context:
    """Write the lake; two folds, networks of one epoch."""
    preset = dataclasses.replace(
        PRESET, release=RELEASE, models=ModelsSettings(names=("brightness",), recipes=QUICK)
    )
    context = small_lake(home, preset=preset)
    context = dataclasses.replace(
        context, fingerprints={**context.fingerprints, "release": "e" * 32}
    )
    lake, partition = context.lake, context.joint_partition("features")
    for unit in lake.done(partition):
        rows = [
            row | {"n_frames": N_SEGMENTS, "n_bands": N_COLUMNS, "dtype": "uint8",
                   "image": band_cells(row).tobytes()}
            for row in lake.read(partition, unit).to_pylist()
        ]  # fmt: skip
        lake.write(partition, unit, FEATURES.from_rows(rows))
    for number in range(10):
        partition = context.partition("tracks", "music")
        row = lake.read(partition, f"u{number}").to_pylist()[0]
        licence = LICENCES[min(number, 5)] if number < 6 else "CC0-1.0"
        lake.write(partition, f"u{number}", TRACKS.from_rows([row | {"licence": licence}]))
    return context
