"""The table `trials`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

TRIALS = Table(
    "trials",
    "a prediction of a model that never met the recording, under a protocol",
    (
        Column("protocol", pa.string(), "field of [protocols] that asked for it"),
        Column("variant", pa.string(), "share of the references under learning_curve, else empty"),
        Column("fold", pa.string(), "which part was left out"),
        Column("model", pa.string(), "network, or baseline"),
        Column("repetition", pa.int16(), "number of the repetition, from 0"),
        Column("seed", pa.int64(), "what the seed is derived from: the repetition"),
        Column("catalog", pa.string(), "catalog of the row"),
        Column("degraded_id", pa.string(), "the row"),
        Column("predicted", pa.float64(), "predicted quality, (MOS-LQO - 1) / 4"),
        Column("finished", pa.bool_(), "true; false in an older lake, if max_minutes ended it"),
        Column("n_train", pa.int32(), "rows trained on"),
        Column("n_train_groups", pa.int32(), "independent groups of recordings among them"),
        Column("n_validation", pa.int32(), "rows that stopped the training; 0 for a baseline"),
        Column("minutes", pa.float64(), "training time"),
        Column("device", pa.string(), "cpu, or the name of the GPU"),
    ),
)
