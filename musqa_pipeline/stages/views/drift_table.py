"""The table `drift`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

DRIFT = Table(
    "drift",
    "the distribution of one variable in one catalog, as a run of the joint stages saw it",
    (
        Column("number", pa.int32(), "number of the record, from 1"),
        Column("recorded_utc", pa.timestamp("ms"), "when, in UTC"),
        Column("inputs", pa.string(), "fingerprint of the features that were looked at"),
        Column("seen_catalog", pa.string(), "the catalog, or * for all together"),
        Column("variable", pa.string(), "what is distributed, with its unit"),
        Column("n_rows", pa.int64(), "values"),
        Column("n_recordings", pa.int64(), "recordings that they come from"),
        Column("mean", pa.float64(), "their mean"),
        Column("sd", pa.float64(), "their standard deviation"),
        Column("quantiles", pa.list_(pa.float64()), "at (i + 0.5) / 32 for i from 0 to 31"),
        Column(
            "resampled",
            pa.list_(pa.float32()),
            "the quantiles of 100 resamples of the recordings less those above, one after the "
            "other; empty with fewer than three recordings",
        ),
        Column(
            "distance_from_first",
            pa.float64(),
            "1-Wasserstein distance from the first record of the catalog, in the variable's unit",
            nullable=True,
        ),
        Column(
            "threshold_from_first",
            pa.float64(),
            "what chance alone keeps it below, 99 times of 100; null with too few recordings",
            nullable=True,
        ),
        Column("distance_from_last", pa.float64(), "from the record before", nullable=True),
        Column("threshold_from_last", pa.float64(), "likewise", nullable=True),
        Column("moved_from_first", pa.bool_(), "whether the distance is above its threshold"),
        Column("moved_from_last", pa.bool_(), "likewise"),
    ),
)
