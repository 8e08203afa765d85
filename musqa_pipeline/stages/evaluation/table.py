"""The table `evaluations`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

EVALUATIONS = Table(
    "evaluations",
    "one metric of one model on one slice of the test recordings, on the 0-100 scale",
    (
        Column(
            "protocol",
            pa.string(),
            "holdout (the runs of stage 7, test rows), or one of [protocols]",
        ),
        Column("variant", pa.string(), "share of the references under learning_curve, else empty"),
        Column("model", pa.string(), "network, or a baseline"),
        Column("draw", pa.string(), "uniform_draw, or natural_mix: as made"),
        Column(
            "slice",
            pa.string(),
            "all, codec, bitrate_kbps, kind, depth, within, genre, tier, reference, part or label",
        ),
        Column(
            "value", pa.string(), "which codec, bitrate, …, dark or full band; all for the whole"
        ),
        Column("metric", pa.string(), "pearson, spearman, rmse, mae or r2"),
        Column(
            "estimate",
            pa.float64(),
            "the metric, mean over repetitions; null where it is not defined",
            nullable=True,
        ),
        Column("sd", pa.float64(), "deviation over repetitions; null for one", nullable=True),
        Column("n_repetitions", pa.int32(), "repetitions, each with a seed of its own"),
        Column(
            "low",
            pa.float64(),
            "lower end of the interval; none of spearman but on all rows",
            nullable=True,
        ),
        Column("high", pa.float64(), "upper end of the interval", nullable=True),
        Column("n_rows", pa.int32(), "excerpts in the slice"),
        Column("n_recordings", pa.int32(), "recordings in the slice"),
    ),
)
