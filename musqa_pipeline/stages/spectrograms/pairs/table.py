"""The table `pairs`."""

from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.spectrograms.table import LABELLED_ROW, image_of_row

PAIRS = Table(
    "pairs",
    "perceptual spectrograms of a reference and of a degraded excerpt side by side",
    (
        *LABELLED_ROW,
        *image_of_row(
            n_frames="rows of the image (time, 80 ms each)",
            n_bands="columns: bands of the reference, then of the degraded",
            dtype="uint8 (value / 255)",
            max_db="level of the loudest degraded cell in dB re its RMS",
            min_db="level of the quietest degraded cell, likewise",
            looped="never true: excerpts last 10 s",
        ),
    ),
)
