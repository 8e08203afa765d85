"""A small picture of a few mel images, for the Dagster UI and for reports."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from musqa_pipeline.audio import EXCERPT_S
from musqa_pipeline.errors import StageError
from musqa_pipeline.spectrograms.filterbank import mel_edges_hz
from musqa_pipeline.spectrograms.storage import decode_cells

MAX_BYTES = 90_000
"""Dagster keeps metadata in its event log; larger pictures slow down every page of it."""
TICKS_HZ = (500, 2_000, 8_000, 20_000)


def contact_sheet(files: Iterable[Path], n_images: int = 6) -> bytes:
    """Draw images from the lowest to the highest quality.

    Parameters
    ----------
    files : iterable of Path
        Shards, from `shard_files`.
    n_images : int
        Number of images, evenly spread over the ranks of quality; fewer if there are fewer.

    Returns
    -------
    bytes
        PNG of at most `MAX_BYTES`.

    Raises
    ------
    StageError
        If the shards hold no image.
    """
    rows = _spread_over_quality(list(files), n_images)
    for dots_per_inch in (100, 85, 70, 55, 40):
        png = _draw(rows, dots_per_inch)
        if len(png) <= MAX_BYTES:
            return png
    raise StageError(
        f"a contact sheet of {n_images} images takes {len(png)} bytes, expected at most "
        f"{MAX_BYTES}; ask for fewer images"
    )


def _spread_over_quality(files: list[Path], n_images: int) -> list[dict[str, Any]]:
    labels = [pq.read_table(f, columns=["quality"], partitioning=None) for f in files]
    table = (
        pa.concat_tables(
            [
                part.append_column("file", pa.array([i] * part.num_rows, pa.int32())).append_column(
                    "row", pa.array(range(part.num_rows), pa.int64())
                )
                for i, part in enumerate(labels)
            ]
        )
        if labels
        else pa.table({"quality": []})
    )
    if table.num_rows == 0:
        raise StageError("there are no mel images to draw; run the stage spectrograms first")
    ranked = table.take(pc.sort_indices(table, [("quality", "ascending")]))
    ranks = np.unique(np.linspace(0, table.num_rows - 1, n_images).round().astype(int))
    rows = []
    for place in ranked.take(ranks).to_pylist():
        with pq.ParquetFile(files[place["file"]]) as parquet:
            first = 0
            for group in range(parquet.num_row_groups):
                n_rows = parquet.metadata.row_group(group).num_rows
                if place["row"] < first + n_rows:
                    rows += parquet.read_row_group(group).slice(place["row"] - first, 1).to_pylist()
                    break
                first += n_rows
    return rows


def _draw(rows: Sequence[dict[str, Any]], dots_per_inch: int) -> bytes:
    n_columns = min(3, len(rows))
    n_lines = -(-len(rows) // n_columns)
    figure = Figure(figsize=(3.2 * n_columns, 1.9 * n_lines), dpi=dots_per_inch, layout="tight")
    for place, row in enumerate(rows, start=1):
        axes = figure.add_subplot(n_lines, n_columns, place)
        cells = decode_cells(np.frombuffer(row["image"], row["dtype"]))
        image = cells.reshape(row["n_frames"], row["n_mels"]).T
        extent = (0.0, float(EXCERPT_S), 0.0, float(row["n_mels"]))
        axes.imshow(image, origin="lower", aspect="auto", extent=extent, cmap=colormaps["magma"])
        centres_hz = mel_edges_hz(row["n_mels"])[1:-1]
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
