"""The stage `features`: band images and descriptive features of the chosen rows, in shards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.bands import FLOOR_DB, STEP_DB, TARGET_LUFS, band_image_at
from musqa_pipeline.audio.features.descriptors import describe
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.spectrograms.features.table import FEATURES
from musqa_pipeline.stages.spectrograms.row_shards import (
    PLAN_COLUMNS,
    list_shards,
    make_shard,
    rows_per_group,
    shard_sizes,
)


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Make the features of one shard; see `row_shards.make_shard`."""
    return make_shard(context, unit, FEATURES, feature_row)


def feature_row(
    row: Mapping[str, Any], samples: NDArray[np.float32], context: Context
) -> dict[str, Any]:
    """Build one row of `features`."""
    excerpt, looped = loop_to_excerpt(samples)
    image = band_image_at(excerpt, context.preset.excerpts.target_lufs)
    n_frames, n_bands = image.shape
    return {
        **{name: row[name] for name in PLAN_COLUMNS},
        "n_frames": n_frames,
        "n_bands": n_bands,
        "dtype": "uint8",
        "image": image.tobytes(),
        "max_db": FLOOR_DB + STEP_DB * float(image.max()) - TARGET_LUFS,
        "min_db": FLOOR_DB + STEP_DB * float(image.min()) - TARGET_LUFS,
        "upper_edge_hz": upper_edge_hz(samples, SAMPLE_RATE_HZ),
        "looped": looped,
        **describe(image),
    }


FEATURES_MAKER = Maker(
    version=1,
    tools=("imageio-ffmpeg", "numpy", "scipy"),
    also=shard_sizes,
    units=list_shards,
    make=make_unit,
    row_group_rows=rows_per_group,
)
