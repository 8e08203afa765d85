"""The stage `pairs`: images of reference and degraded signal, for networks that see both.

Made for the chosen rows of `dataset` in the same shards as `spectrograms`, so that the same
readers and loaders serve them; only if a network of the preset eats them. Degraded excerpts are
stored with their delay, so that nothing is aligned here. torch is imported by whoever makes a unit,
because every command lists the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.mel import decode_cells, encode_cells
from musqa_pipeline.core.home import Home
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.spectrograms.in_use import list_eaten_shards
from musqa_pipeline.stages.spectrograms.pairs.table import PAIRS
from musqa_pipeline.stages.spectrograms.row_shards import (
    image_columns,
    make_shard,
    rows_per_group,
    shard_sizes,
)
from musqa_pipeline.storage.fragments.partition import Partition

_LAST: dict[tuple[Home, Partition, str], NDArray[np.float32]] = {}
"""The last reference: a shard's rows come reference by reference; a unit never changes."""


def image_row(
    row: Mapping[str, Any], samples: NDArray[np.float32], context: Context
) -> dict[str, Any]:
    """Build one row of `pairs`.

    Raises UnfitInputError if the degraded excerpt is silent or not finite.
    """
    reference = _reference_cells(context, row["catalog"], row["excerpt_id"])
    degraded = _cells(samples)
    image = np.concatenate((reference, degraded), axis=1)
    cells = encode_cells(image, "uint8")
    return image_columns(row, samples, cells) | {
        "max_db": _level_db(degraded.max()),
        "min_db": _level_db(degraded.min()),
        "storage_error": float(np.abs(decode_cells(cells) - image).max()),
        "looped": False,
    }


def _reference_cells(context: Context, catalog: str, excerpt_id: str) -> NDArray[np.float32]:
    partition = context.partition("excerpts", catalog)
    place = (context.home, partition, excerpt_id)
    cells = _LAST.get(place)
    if cells is None:
        cells = _cells(read_reference(context, excerpt_id, catalog))
        _LAST.clear()
        _LAST[place] = cells
    return cells


def _cells(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    import torch

    from musqa_pipeline.audio.features.gammatone_bands_torch import band_cells

    return np.asarray(band_cells(torch.from_numpy(np.ascontiguousarray(samples))))


def _level_db(cell: float) -> float:
    from musqa_pipeline.audio.features.gammatone_bands import FLOOR_DB, TOP_DB

    return FLOOR_DB + float(cell) * (TOP_DB - FLOOR_DB)


PAIRS_MAKER = Maker(
    version=1,
    tools=("imageio-ffmpeg", "numpy", "scipy", "torch"),
    units=partial(list_eaten_shards, stage=PAIRS.name),
    make=partial(make_shard, table=PAIRS, image_row=image_row),
    also=shard_sizes,
    retires=False,
    row_group_rows=rows_per_group,
)
