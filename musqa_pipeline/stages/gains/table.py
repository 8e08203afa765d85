"""The table `gains`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

GAINS = Table(
    "gains",
    "a fault of a carrier in one of its chains, and what its removal would gain (none unless "
    "`[degradations] n_carrier` asks for chains)",
    (
        Column("catalog", pa.string(), "catalog of the chain's reference"),
        Column("degraded_id", pa.string(), "the chain, a row of kind carrier"),
        Column("excerpt_id", pa.string(), "its reference"),
        Column("part", pa.string(), "train, validation or test"),
        Column("carrier", pa.string(), "cylinder, shellac, lp or tape"),
        Column("fault", pa.string(), "the fault that is left out; all: all that could be removed"),
        Column("intensity", pa.float64(), "of that fault, 0 to 100; null for all", nullable=True),
        Column("n_removable", pa.int32(), "faults of the chain that a restoration could remove"),
        Column("removable", pa.bool_(), "whether it could remove this one; of all, whether any"),
        Column(
            "heard",
            pa.bool_(),
            "whether ladders say that the metric hears the fault; of all, each that is removable",
        ),
        Column("mos", pa.float64(), "label of the chain"),
        Column("without_id", pa.string(), "the row without it, or the reference"),
        Column("without_mos", pa.float64(), "label of that row"),
        Column(
            "gain_mos",
            pa.float64(),
            "without_mos - mos, negative where faults hide each other; null if not heard",
            nullable=True,
        ),
    ),
)
