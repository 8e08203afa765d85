"""The table `pairs`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.spectrograms.table import LABELLED_ROW

PAIRS = Table(
    "pairs",
    "perceptual spectrograms of a reference and of a degraded excerpt side by side",
    (
        *LABELLED_ROW,
        Column("n_frames", pa.int32(), "rows of the image (time, 80 ms each)"),
        Column("n_bands", pa.int32(), "columns: bands of the reference, then of the degraded"),
        Column("dtype", pa.string(), "uint8 (value / 255)"),
        Column("image", pa.binary(), "cells in C order (n_frames, n_bands), 0 to 1"),
        Column("max_db", pa.float64(), "level of the loudest degraded cell in dB re its RMS"),
        Column("min_db", pa.float64(), "level of the quietest degraded cell, likewise"),
        Column("storage_error", pa.float64(), "largest rounding error of a stored cell, 0 to 1"),
        Column("upper_edge_hz", pa.float64(), "upper edge of the degraded spectrum in hertz"),
        Column("looped", pa.bool_(), "never true: excerpts last 10 s"),
    ),
)
