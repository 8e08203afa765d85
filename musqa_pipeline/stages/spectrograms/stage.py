"""The stage `spectrograms`: mel images of the chosen rows, in shards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.mel import decode_cells, encode_cells, mel_image
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker
from musqa_pipeline.stages.spectrograms.row_shards import (
    image_columns,
    list_shards,
    make_shard,
    rows_per_group,
)
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS


def image_row(
    row: Mapping[str, Any], samples: NDArray[np.float32], context: Context
) -> dict[str, Any]:
    """Build one row of `spectrograms`."""
    settings = context.preset.spectrograms
    target_lufs = context.preset.excerpts.target_lufs
    mel = mel_image(samples, settings)
    cells = encode_cells(mel.image, settings.storage)
    return image_columns(row, samples, cells) | {
        "max_db": mel.max_db - target_lufs,
        "min_db": mel.min_db - target_lufs,
        "storage_error": float(np.abs(decode_cells(cells) - mel.image).max()),
        "looped": mel.looped,
    }


SPECTROGRAMS_MAKER = Maker(
    version=2,
    tools=("imageio-ffmpeg", "numpy", "scipy"),
    units=list_shards,
    make=partial(make_shard, table=SPECTROGRAMS, image_row=image_row),
    row_group_rows=rows_per_group,
)
