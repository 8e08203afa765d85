"""The table `features`."""

import pyarrow as pa

from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.spectrograms.table import LABELLED_ROW, image_of_row

FEATURES = Table(
    "features",
    "the band image of musqa-net and the descriptive features of a chosen excerpt",
    (
        *LABELLED_ROW,
        *image_of_row(
            has_error=False,
            n_frames="rows of the image (segments of time)",
            n_bands="columns of the image (statistics, each from low to high)",
            dtype="uint8 (value / 255)",
            image="cells in C order (n_frames, n_bands), see features.bands",
            min_db="level of the quietest cell in dB, likewise",
        ),
        *(Column(name, pa.float32(), doc) for name, doc in DESCRIPTORS.items()),
    ),
)
FEATURE_COLUMNS = ("upper_edge_hz", *DESCRIPTORS)
"""What baselines read of a row."""
