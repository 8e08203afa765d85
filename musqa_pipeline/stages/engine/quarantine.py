"""The table of what could not be used, of every stage."""

from __future__ import annotations

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

QUARANTINE = Table(
    "quarantine",
    "an input that could not serve, at any of the stages 1-4",
    (
        Column("stage", pa.string(), "stage that refused it"),
        Column("unit_id", pa.string(), "unit of that stage"),
        Column("file", pa.string(), "path relative to the catalog's folder, or the excerpt's id"),
        Column(
            "reason", pa.string(), "short code, for example cannot_decode, too_short, duplicate"
        ),
        Column("detail", pa.string(), "what was found"),
        Column("advice", pa.string(), "what can be done about it"),
    ),
)
