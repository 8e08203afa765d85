"""The table `labels`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

LABELS = Table(
    "labels",
    "a degraded excerpt with its full-reference score",
    (
        Column("degraded_id", pa.string(), "the degraded excerpt"),
        Column("excerpt_id", pa.string(), "its reference"),
        Column("metric", pa.string(), "name and version of the metric, or listeners"),
        Column("mos", pa.float64(), "MOS-LQO, 1 to about 4.73; of listeners 1 to 5"),
        Column("quality", pa.float64(), "(mos - 1) / 4, 0 to about 0.933; of listeners 0 to 1"),
        Column(
            "vnsim",
            pa.float64(),
            "mean similarity over bands, 0 to 1; null for listeners",
            nullable=True,
        ),
        Column(
            "fvnsim",
            pa.list_(pa.float64()),
            "similarity of each of the 32 bands, low to high; null for listeners",
            nullable=True,
        ),
        Column(
            "lag_samples",
            pa.int32(),
            "delay that the metric found, 0 when aligned; null for listeners",
            nullable=True,
        ),
    ),
)


def quality_of(mos: float) -> float:
    """Convert a MOS to the quality that models are trained on."""
    return (mos - 1.0) / 4.0
