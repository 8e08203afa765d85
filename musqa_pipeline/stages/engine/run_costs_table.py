"""The table `stage_runs`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

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
