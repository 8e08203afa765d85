"""The stage `features`: band images and descriptive features of the chosen rows, in shards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.bands import FLOOR_DB, STEP_DB, TARGET_LUFS, band_image_at
from musqa_pipeline.audio.features.descriptors import describe
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker
from musqa_pipeline.stages.spectrograms.features.table import FEATURES
from musqa_pipeline.stages.spectrograms.row_shards import (
    image_columns,
    list_shards,
    make_shard,
    rows_per_group,
    shard_sizes,
)


def feature_row(
    row: Mapping[str, Any], samples: NDArray[np.float32], context: Context
) -> dict[str, Any]:
    """Build one row of `features`."""
    excerpt, looped = loop_to_excerpt(samples)
    image = band_image_at(excerpt, context.preset.excerpts.target_lufs)
    return image_columns(row, samples, image) | {
        "max_db": FLOOR_DB + STEP_DB * float(image.max()) - TARGET_LUFS,
        "min_db": FLOOR_DB + STEP_DB * float(image.min()) - TARGET_LUFS,
        "looped": looped,
        **describe(image),
    }


FEATURES_MAKER = Maker(
    version=1,
    tools=("imageio-ffmpeg", "numpy", "scipy"),
    also=shard_sizes,
    units=list_shards,
    make=partial(make_shard, table=FEATURES, image_row=feature_row),
    row_group_rows=rows_per_group,
)
