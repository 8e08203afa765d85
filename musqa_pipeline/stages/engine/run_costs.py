"""Write down what a run of a stage cost; that it cannot be written fails no run."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from musqa_pipeline.core.clock import utc_now
from musqa_pipeline.core.fingerprints import digest, tool_version
from musqa_pipeline.core.progress import logger
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.storage.fragments.partition import Partition

STAGE_RUNS = Table(
    "stage_runs",
    "a run of a stage that came to its end, with what it cost",
    (
        Column("finished_utc", pa.timestamp("ms"), "when it ended, in UTC"),
        Column("stage", pa.string(), "the stage"),
        Column("run_catalog", pa.string(), "its catalog; empty for a joint stage"),
        Column("preset", pa.string(), "the preset"),
        Column("fingerprint", pa.string(), "of the stage's results"),
        Column("machine", pa.string(), "name of the machine that ran it"),
        Column(
            "workers",
            pa.int32(),
            "worker processes; 1 in the run's own process, null on a cluster",
            nullable=True,
        ),
        Column("units", pa.int64(), "units that exist now"),
        Column("made", pa.int64(), "units that this run was to make"),
        Column("failed", pa.int64(), "units of them that failed; the run ended with an error"),
        Column("retired", pa.int64(), "units whose input is gone"),
        Column("restored", pa.int64(), "units that came back from what was retired"),
        Column("quarantined", pa.int64(), "units in quarantine now"),
        Column("rows", pa.int64(), "rows that it made"),
        Column("wall_s", pa.float64(), "its time in seconds"),
        Column("cpu_s", pa.float64(), "CPU time of the units made, over all workers, in seconds"),
        Column("written_bytes", pa.int64(), "size of the files of the units that it made"),
        Column("shelf_bytes", pa.int64(), "size of all files of the stage and catalog afterwards"),
        Column("versions_json", pa.string(), "versions of Python, musqa and the stage's tools"),
    ),
)

COUNTS = ("units", "made", "retired", "restored", "quarantined", "rows")
"""What a stage that had nothing to do has none of."""


@dataclass(frozen=True)
class Ran:
    """What the counts of a run do not say."""

    asked_for: Collection[str]
    """Ids of the units that were missing."""
    failed: int
    """Units that failed."""
    workers: int | None
    """Worker processes, if that is known."""
    tools: Sequence[str]
    """Distributions whose versions are recorded."""


def record_run(context: Context, partition: Partition, counts: Mapping[str, Any], ran: Ran) -> None:
    """Add a row to `stage_runs`; warn if that cannot be done."""
    try:
        row = {
            **{name: counts[name] for name in COUNTS},
            **_sizes(context, partition, ran.asked_for),
            "finished_utc": utc_now(),
            "stage": partition.stage,
            "run_catalog": partition.catalog or "",
            "preset": context.preset.name,
            "fingerprint": partition.fingerprint,
            "machine": platform.node(),
            "workers": ran.workers,
            "failed": ran.failed,
            "wall_s": counts["seconds"],
            "cpu_s": counts["cpu_seconds"],
            "versions_json": _versions(ran.tools),
        }
        runs = record_partition("stage_runs", context.preset.name)
        context.lake.write(runs, _unit_id(row), STAGE_RUNS.from_rows([row]))
    except Exception as error:  # what was made is made, whatever becomes of its record
        logger.warning(
            f"{partition.stage}: what this run cost could not be recorded ({error}); the run "
            "itself is not touched by it"
        )


def _sizes(context: Context, partition: Partition, asked_for: Collection[str]) -> dict[str, int]:
    written = present = 0
    for file in context.lake.store.walk(partition.folder_key):
        below = file.key.removeprefix(f"{partition.folder_key}/")
        loose = below.partition("/")[2] if below.startswith("loose-") else below
        unit = loose.partition("/")[0]
        present += file.size_bytes
        if unit.removesuffix(".parquet") in asked_for:
            written += file.size_bytes
    return {"written_bytes": written, "shelf_bytes": present}


def _versions(tools: Sequence[str]) -> str:
    versions = {name: tool_version(name) for name in ("musqa-pipeline", *tools)}
    return json.dumps({"python": platform.python_version(), **versions}, sort_keys=True)


def _unit_id(row: Mapping[str, Any]) -> str:
    """Name a record so that two machines that end in the same second meet no other's name."""
    who = digest([row["machine"], os.getpid(), time.monotonic_ns(), row["run_catalog"]])[:8]
    return f"{row['finished_utc']:%Y%m%dT%H%M%S}-{row['stage']}-{who}"
