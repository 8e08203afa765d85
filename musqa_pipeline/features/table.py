"""The table `features`."""

import pyarrow as pa

from musqa_pipeline.features.descriptors import DESCRIPTORS
from musqa_pipeline.tables import Column, Table

FEATURES = Table(
    "features",
    "the band image of musqa-net and the descriptive features of a chosen excerpt",
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
        Column("n_frames", pa.int32(), "rows of the image (segments of time)"),
        Column("n_bands", pa.int32(), "columns of the image (statistics, each from low to high)"),
        Column("dtype", pa.string(), "uint8 (value / 255)"),
        Column("image", pa.binary(), "cells in C order (n_frames, n_bands), see features.bands"),
        Column("max_db", pa.float64(), "level of the loudest cell in dB, re the target loudness"),
        Column("min_db", pa.float64(), "level of the quietest cell in dB, likewise"),
        Column("upper_edge_hz", pa.float64(), "upper edge of the degraded spectrum in hertz"),
        Column("looped", pa.bool_(), "whether a shorter signal was looped to 10 s"),
        *(Column(name, pa.float32(), doc) for name, doc in DESCRIPTORS.items()),
    ),
)
FEATURE_COLUMNS = ("upper_edge_hz", *DESCRIPTORS)
"""What baselines read of a row."""
