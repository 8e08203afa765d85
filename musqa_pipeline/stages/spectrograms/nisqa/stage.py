"""The stage `nisqa_mels`: mel images as NISQA looks at them.

Made for the chosen rows of `dataset` in the same shards as `spectrograms`; only if a network of the
preset eats them. A cell is one byte, half the size of float16 and off by 0.16 dB of 80 at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.mel import decode_cells, encode_cells
from musqa_pipeline.audio.features.nisqa_mel import nisqa_mel
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker
from musqa_pipeline.stages.spectrograms.in_use import list_eaten_shards
from musqa_pipeline.stages.spectrograms.nisqa.table import NISQA_MELS
from musqa_pipeline.stages.spectrograms.row_shards import (
    image_columns,
    make_shard,
    rows_per_group,
    shard_sizes,
)


def nisqa_row(
    row: Mapping[str, Any], samples: NDArray[np.float32], context: Context
) -> dict[str, Any]:
    """Build one row of `nisqa_mels`.

    Raises UnfitInputError if the degraded excerpt is silent or not finite.
    """
    mel = nisqa_mel(samples)
    cells = encode_cells(mel.image, "uint8")
    return image_columns(row, samples, cells) | {
        "max_db": mel.max_db,
        "min_db": mel.min_db,
        "storage_error": float(np.abs(decode_cells(cells) - mel.image).max()),
        "looped": mel.looped,
    }


NISQA_MELS_MAKER = Maker(
    version=1,
    tools=("imageio-ffmpeg", "numpy", "scipy"),
    units=partial(list_eaten_shards, stage=NISQA_MELS.name),
    make=partial(make_shard, table=NISQA_MELS, image_row=nisqa_row),
    also=shard_sizes,
    retires=False,
    row_group_rows=rows_per_group,
)
