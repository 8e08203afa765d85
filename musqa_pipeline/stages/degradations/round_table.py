"""The table `rounds`: what each round of the adaptive mode was planned to make."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

ROUNDS = Table(
    "rounds",
    "a cascade that a round of the adaptive mode planned",
    (
        Column("round", pa.int16(), "from 1; round 0 is what the preset says, and not listed"),
        Column("excerpt_id", pa.string(), "reference"),
        Column("process", pa.string(), "process ids, as in degradations: 12_42"),
        Column("first_id", pa.int16(), "id of the first process"),
        Column("last_id", pa.int16(), "id of the last process"),
        Column("predicted_quality", pa.float64(), "quality expected from earlier labels, 0-1"),
        Column("bin", pa.int16(), "bin of quality that it is expected in, from 0"),
        Column("bin_low", pa.float64(), "lower border of that bin, quality"),
        Column("bin_high", pa.float64(), "upper border of that bin, quality"),
    ),
)
