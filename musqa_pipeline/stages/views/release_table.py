"""The table `release`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

RELEASE = Table(
    "release",
    "what the networks of a release say of a recording that they never met",
    (
        Column(
            "asked",
            pa.string(),
            "out_of_fold, copies (darker copies), test, or left_out: kept out for its licence",
        ),
        Column("fold", pa.string(), "which recordings did not train; final: those of no fold"),
        Column("repetition", pa.int16(), "number of the training, from 0: its seed"),
        Column("catalog", pa.string(), "catalog of the row"),
        Column("degraded_id", pa.string(), "the row"),
        Column("probability", pa.list_(pa.float32()), "of each step of quality, from low to high"),
        Column(
            "boosted",
            pa.float64(),
            "quality as boosted trees predict it, null where a release asks none",
            nullable=True,
        ),
        Column("cloud", pa.float64(), "distance from the cloud of the training data, not scaled"),
        Column("swing_db", pa.float64(), "by how much levels move from segment to segment"),
        Column("n_train", pa.int32(), "rows trained on"),
        Column("n_train_groups", pa.int32(), "independent groups of recordings among them"),
        Column("minutes", pa.float64(), "training time"),
    ),
)
