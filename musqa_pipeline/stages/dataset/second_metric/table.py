"""The table `opinions`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

OPINIONS = Table(
    "opinions",
    "a chosen excerpt with a second metric's score (none unless `[opinions]` asks for some)",
    (
        Column("degraded_id", pa.string(), "the degraded excerpt"),
        Column("excerpt_id", pa.string(), "its reference"),
        Column("catalog", pa.string(), "its catalog"),
        Column("metric", pa.string(), "name and version of the second metric"),
        Column("mos", pa.float64(), "the label, ViSQOL's MOS-LQO"),
        Column(
            "second_mos", pa.float64(), "the second metric's MOS, 1 to 5, on a scale of its own"
        ),
        Column(
            "second_distance",
            pa.float64(),
            "what second_mos is a function of: 0 for identical signals, growing with the damage",
        ),
        Column(
            "disagreement",
            pa.float64(),
            "second_mos - mos; the scales differ, docs/opinions.md has the query that removes that",
        ),
    ),
)
