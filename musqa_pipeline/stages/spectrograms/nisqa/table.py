"""The table `nisqa_mels`."""

from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.spectrograms.table import LABELLED_ROW, image_of_row

NISQA_MELS = Table(
    "nisqa_mels",
    "a mel image as NISQA looks at it, with its label",
    (
        *LABELLED_ROW,
        *image_of_row(
            n_frames="rows of the image (time, 10 ms each)",
            n_bands="columns of the image (48 mel bands up to 20 kHz)",
            dtype="uint8 (value / 255)",
            image="cells in C order (n_frames, n_bands), 1 the loudest, 0 80 dB below",
            max_db="level of the loudest cell in dB re a magnitude of 1",
            min_db="level of the quietest kept cell, likewise",
        ),
    ),
)
