"""The table `features`."""

import pyarrow as pa

from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.spectrograms.table import LABELLED_ROW

FEATURES = Table(
    "features",
    "the band image of musqa-net and the descriptive features of a chosen excerpt",
    (
        *LABELLED_ROW,
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
