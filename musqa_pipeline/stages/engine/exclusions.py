"""Catalogs that are kept out of the set, because a check of what was made of them failed.

The joint stages see the labels that lie in the lake, whoever made them. So that a failure keeps
its rows out of every later run too, it is written down where it is found, and taken back when the
same check passes. It counts while what was judged is in force: other settings make other rows.
"""

from __future__ import annotations

import pyarrow as pa

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.progress import logger
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import record_partition

WITHHELD = Table(
    "withheld",
    "a failed check that keeps a catalog out of the set",
    (
        Column("withheld_catalog", pa.string(), "name of the catalog"),
        Column("stage", pa.string(), "stage whose rows were judged"),
        Column("check_name", pa.string(), "name of the check"),
        Column("reason", pa.string(), "what the check says"),
        Column("fingerprint", pa.string(), "of the stage; the failure counts while it is in force"),
    ),
)


def note_verdict(context: Context, stage: str, check: str, result: CheckResult) -> None:
    """Write a failure down, or take an earlier one back."""
    partition, unit = (
        record_partition("withheld", context.preset.name),
        f"{context.catalog}.{stage}.{check}",
    )
    if not result.passed:
        row = {
            "withheld_catalog": context.catalog,
            "stage": stage,
            "check_name": check,
            "reason": result.claim,
            "fingerprint": context.fingerprints[stage],
        }
        context.lake.write(partition, unit, WITHHELD.from_rows([row]))
    elif unit in context.lake.done(partition):
        context.lake.discard(partition, unit)


def withheld_catalogs(context: Context) -> dict[str, str]:
    """Name the catalogs that failures keep out of the set."""
    found: dict[str, str] = {}
    partition, order = (
        record_partition("withheld", context.preset.name),
        ("withheld_catalog", "check_name"),
    )
    table = context.lake.scan(partition, WITHHELD.schema)
    for row in table.sort_by([(name, "ascending") for name in order]).to_pylist():
        name, stage = row["withheld_catalog"], row["stage"]
        if row["fingerprint"] == context.fingerprints[stage]:
            found.setdefault(name, f"check {row['check_name']} of {stage} failed: {row['reason']}")
    return found


def warn_of_withheld(context: Context) -> None:
    """Say which catalogs are kept out, why, and what to do."""
    for name, reason in withheld_catalogs(context).items():
        logger.warning(
            f"{name} is kept out of the set: {reason}; mend it and run its stages again "
            f"(`musqa run --preset {context.preset.name} --catalog {name}`)"
        )
