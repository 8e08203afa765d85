"""Shards of tiny images that tell which row they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS
from musqa_pipeline.storage.lake.lake import Lake
from tests.stages.spectrograms.small_dataset import small_context


@dataclass(frozen=True)
class TinyShards:
    """Shards of tiny images that tell which row they are."""

    files: list[Path]
    images: dict[str, np.ndarray]
    """Stored cells by degraded_id."""


def write_tiny_shards(
    lake: Lake,
    *,
    n_shards: int = 4,
    rows_per_shard: int = 20,
    rows_per_group: int = 5,
    part: str = "train",
    dtype: str = "uint8",
    shape: tuple[int, int] = (6, 4),
) -> TinyShards:
    partition = small_context(lake.root).joint_partition("spectrograms")
    files, images = [], {}
    for shard in range(n_shards):
        rows = []
        for place in range(rows_per_shard):
            row = shard * rows_per_shard + place
            image = np.random.default_rng(row).random(shape)
            cells = (image * 255).astype(np.uint8) if dtype == "uint8" else image.astype(dtype)
            images[f"{row:04d}-0-1"] = cells
            rows.append(
                {
                    "degraded_id": f"{row:04d}-0-1",
                    "excerpt_id": f"{row:04d}-0",
                    "catalog": "north",
                    "part": part,
                    "uniform_draw": row % 3 != 0 or part != "test",
                    "natural_mix": row % 3 == 0 and part == "test",
                    "trusted": row % 5 != 4,
                    "mos": 1.0 + 4 * row / 1000,
                    "quality": row / 1000,
                    "n_frames": shape[0],
                    "n_bands": shape[1],
                    "dtype": dtype,
                    "image": cells.tobytes(),
                    "max_db": 50.0,
                    "min_db": -30.0,
                    "storage_error": 0.001,
                    "upper_edge_hz": 15_000.0,
                    "looped": False,
                }
            )
        table = SPECTROGRAMS.from_rows(rows)
        unit_id = f"{part}-{shard:05d}"
        files.append(lake.write(partition, unit_id, table, row_group_rows=rows_per_group))
    return TinyShards(files, images)
