"""A small picture of a few mel images, for the Dagster UI and for reports."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.audio.features.filterbank import mel_edges_hz
from musqa_pipeline.audio.features.mel import decode_cells
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.data.shards import opened_shard
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.row_shards import shard_files

MAX_BYTES = 90_000
"""Dagster keeps metadata in its event log; larger pictures slow down every page of it."""
TICKS_HZ = (500, 2_000, 8_000, 20_000)


def contact_sheet(context: Context, n_images: int = 6) -> bytes:
    """Draw stored images from the lowest to the highest quality."""
    rows = _spread_over_quality(shard_files(context), n_images)
    dots_per_inch = 100.0
    for _ in range(4):
        png = _draw(rows, dots_per_inch)
        if len(png) <= MAX_BYTES:
            return png
        # The size of a PNG of noise goes with its area.
        dots_per_inch *= 0.95 * (MAX_BYTES / len(png)) ** 0.5
    raise StageError(
        f"a contact sheet of {n_images} images takes {len(png)} bytes, expected at most "
        f"{MAX_BYTES}; ask for fewer images"
    )


def _spread_over_quality(files: Sequence[Path], n_images: int) -> list[dict[str, Any]]:
    """Read rows at even ranks of quality, each from its own row group."""
    places = []
    for file in files:
        with opened_shard(file) as parquet:
            for group in range(parquet.num_row_groups):
                quality = parquet.read_row_group(group, columns=["quality"])["quality"].to_pylist()
                places += [(q, file, group, row) for row, q in enumerate(quality)]
    if not places:
        raise StageError("there are no mel images to draw; run the stage spectrograms first")
    places.sort()
    ranks = np.unique(np.linspace(0, len(places) - 1, n_images).round().astype(int))
    rows = []
    for _, file, group, row in (places[rank] for rank in ranks):
        with opened_shard(file) as parquet:
            rows += parquet.read_row_group(group).slice(row, 1).to_pylist()
    return rows


def _draw(rows: Sequence[dict[str, Any]], dots_per_inch: float) -> bytes:
    n_columns = min(3, len(rows))
    n_lines = -(-len(rows) // n_columns)
    figure = Figure(
        figsize=(3.2 * n_columns, 1.9 * n_lines), dpi=dots_per_inch, layout="constrained"
    )
    for place, row in enumerate(rows, start=1):
        axes = figure.add_subplot(n_lines, n_columns, place)
        cells = decode_cells(np.frombuffer(row["image"], row["dtype"]))
        image = cells.reshape(row["n_frames"], row["n_bands"]).T
        extent = (0.0, float(EXCERPT_S), 0.0, float(row["n_bands"]))
        axes.imshow(image, origin="lower", aspect="auto", extent=extent, cmap=colormaps["magma"])
        centres_hz = mel_edges_hz(row["n_bands"])[1:-1]
        axes.set_yticks(np.searchsorted(centres_hz, TICKS_HZ), [f"{f / 1e3:g}k" for f in TICKS_HZ])
        axes.tick_params(labelsize=6)
        process = row["degraded_id"].rpartition("-")[2].replace("_", " → ")
        axes.set_title(f"process {process}, MOS-LQO {row['mos']:.2f}, {row['part']}", fontsize=7)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    # 48 colours: spectrograms look like noise to a PNG encoder, and true colour takes five times
    # the bytes.
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    stream = io.BytesIO()
    picture.quantize(48, dither=Image.Dither.NONE).save(stream, "png", optimize=True)
    return stream.getvalue()
