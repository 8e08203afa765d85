"""The stage `waveforms`: excerpts at 16 kHz, as networks on waveforms hear them.

Made for the chosen rows of `dataset` in the same shards as `spectrograms`; only if a network of the
preset eats them. 320 kB a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.pcm import waveform
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker
from musqa_pipeline.stages.spectrograms.in_use import list_eaten_shards
from musqa_pipeline.stages.spectrograms.row_shards import (
    image_columns,
    make_shard,
    rows_per_group,
    shard_sizes,
)
from musqa_pipeline.stages.spectrograms.waveforms.table import WAVEFORMS


def waveform_row(
    row: Mapping[str, Any], samples: NDArray[np.float32], context: Context
) -> dict[str, Any]:
    """Build one row of `waveforms`.

    Raises UnfitInputError if the degraded excerpt is silent below 8 kHz or not finite.
    """
    heard = waveform(samples)
    return image_columns(row, samples, heard.pcm[:, None]) | {
        "max_db": heard.peak_db,
        "min_db": heard.rms_db,
        "looped": heard.looped,
    }


WAVEFORMS_MAKER = Maker(
    version=1,
    tools=("imageio-ffmpeg", "numpy", "soxr"),
    units=partial(list_eaten_shards, stage=WAVEFORMS.name),
    make=partial(make_shard, table=WAVEFORMS, image_row=waveform_row),
    also=shard_sizes,
    retires=False,
    row_group_rows=rows_per_group,
)
