"""The stage `spectrograms`: mel images of the chosen rows, in shards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.mel import mel_image
from musqa_pipeline.audio.features.storage import decode_cells, encode_cells
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.spectrograms.row_shards import (
    PLAN_COLUMNS,
    list_shards,
    make_shard,
    rows_per_group,
)
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Make the mel images of one shard; see `row_shards.make_shard`."""
    return make_shard(context, unit, SPECTROGRAMS, image_row)


def image_row(
    row: Mapping[str, Any], samples: NDArray[np.float32], context: Context
) -> dict[str, Any]:
    """Build one row of `spectrograms`."""
    settings = context.preset.spectrograms
    target_lufs = context.preset.excerpts.target_lufs
    mel = mel_image(samples, settings)
    cells = encode_cells(mel.image, settings.storage)
    n_frames, n_bands = cells.shape
    return {
        **{name: row[name] for name in PLAN_COLUMNS},
        "n_frames": n_frames,
        "n_bands": n_bands,
        "dtype": settings.storage,
        "image": cells.tobytes(),
        "max_db": mel.max_db - target_lufs,
        "min_db": mel.min_db - target_lufs,
        "storage_error": float(np.abs(decode_cells(cells) - mel.image).max()),
        "upper_edge_hz": upper_edge_hz(samples, SAMPLE_RATE_HZ),
        "looped": mel.looped,
    }


SPECTROGRAMS_MAKER = Maker(
    version=2,
    tools=("imageio-ffmpeg", "numpy", "scipy"),
    units=list_shards,
    make=make_unit,
    row_group_rows=rows_per_group,
)
