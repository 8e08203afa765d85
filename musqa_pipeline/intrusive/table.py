"""The table `pairs`."""

import pyarrow as pa

from musqa_pipeline.tables import Column, Table

PAIRS = Table(
    "pairs",
    "perceptual spectrograms of a reference and of a degraded excerpt side by side",
    (
        Column("degraded_id", pa.string(), "the degraded excerpt"),
        Column("excerpt_id", pa.string(), "its reference"),
        Column("catalog", pa.string(), "its catalog"),
        Column("part", pa.string(), "train, validation or test"),
        Column("uniform_draw", pa.bool_(), "part of the uniform draw"),
        Column("natural_mix", pa.bool_(), "part of the natural mix"),
        Column("trusted", pa.bool_(), "false where the label may not count, see dataset"),
        Column("mos", pa.float64(), "label, MOS-LQO"),
        Column("quality", pa.float64(), "label, (mos - 1) / 4"),
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
