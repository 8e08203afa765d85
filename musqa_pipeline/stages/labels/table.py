"""The table `labels`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

LABELS = Table(
    "labels",
    "a degraded excerpt with its full-reference score",
    (
        Column("degraded_id", pa.string(), "the degraded excerpt"),
        Column("excerpt_id", pa.string(), "its reference"),
        Column("metric", pa.string(), "name and version of the metric"),
        Column("mos", pa.float64(), "MOS-LQO, 1 to about 4.73"),
        Column("quality", pa.float64(), "(mos - 1) / 4, 0 to about 0.933"),
        Column("vnsim", pa.float64(), "mean similarity over bands, 0 to 1"),
        Column("fvnsim", pa.list_(pa.float64()), "similarity of each of the 32 bands, low to high"),
        Column("lag_samples", pa.int32(), "delay that the metric found; 0 when aligned"),
    ),
)
