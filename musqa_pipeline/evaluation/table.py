"""The table `evaluations`."""

import pyarrow as pa

from musqa_pipeline.tables import Column, Table

EVALUATIONS = Table(
    "evaluations",
    "one metric of one model on one slice of the test recordings, on the 0-100 scale",
    (
        Column("model", pa.string(), "network, or a baseline: mean, upper_edge"),
        Column("draw", pa.string(), "uniform_draw, or natural_mix: as made"),
        Column("slice", pa.string(), "all, codec, bitrate_kbps, depth, genre, tier or reference"),
        Column(
            "value", pa.string(), "which codec, bitrate, …, dark or full band; all for the whole"
        ),
        Column("metric", pa.string(), "pearson, spearman, rmse, mae or r2"),
        Column("estimate", pa.float64(), "the metric; null where it is not defined", nullable=True),
        Column("low", pa.float64(), "lower end of the interval", nullable=True),
        Column("high", pa.float64(), "upper end of the interval", nullable=True),
        Column("n_rows", pa.int32(), "excerpts in the slice"),
        Column("n_recordings", pa.int32(), "recordings in the slice"),
    ),
)
