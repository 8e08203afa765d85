"""The table `waveforms`."""

from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.spectrograms.table import LABELLED_ROW, image_of_row

WAVEFORMS = Table(
    "waveforms",
    "an excerpt as networks on waveforms hear it, with its label",
    (
        *LABELLED_ROW,
        *image_of_row(
            has_error=False,
            n_frames="samples of 10 s at 16 kHz",
            n_bands="1, as it is mono",
            dtype="int16 (value / 32768)",
            image="samples in order",
            max_db="level of the loudest sample in dB re full scale",
            min_db="level of all samples (RMS), likewise",
        ),
    ),
)
