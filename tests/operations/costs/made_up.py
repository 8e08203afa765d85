"""Runs that never were."""

from __future__ import annotations

import datetime

import polars as pl


def made_up_runs(n_weeks=30):
    """Half a year of weekly runs of three stages and two catalogs that grow."""
    start = datetime.datetime(2026, 1, 5, 3)
    rows = []
    for week in range(n_weeks):
        for stage, catalog, cpu_s in (
            ("tracks", "a", 50.0),
            ("tracks", "b", 20.0),
            ("labels", "a", 900.0),
            ("dataset", "", 9.0),
        ):
            made = 0 if week % 5 == 4 and stage == "tracks" else 10
            rows.append(
                {
                    "finished_utc": start + datetime.timedelta(weeks=week, seconds=len(rows)),
                    "stage": stage, "run_catalog": catalog, "preset": "made_up",
                    "fingerprint": "f" * 32, "machine": "mill", "workers": 2, "units": 10 * week,
                    "made": made, "failed": 0, "retired": 0, "restored": 0, "quarantined": 0,
                    "rows": 20 * made,
                    "wall_s": cpu_s / 2, "cpu_s": cpu_s * (made > 0), "written_bytes": 10**6 * made,
                    "shelf_bytes": 10**7 * (week + 1), "versions_json": "{}",
                }
            )  # fmt: skip
    return pl.DataFrame(rows)
