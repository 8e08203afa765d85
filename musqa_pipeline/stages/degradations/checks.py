"""What must hold of degraded excerpts: as planned, at the target loudness, aligned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.lowpass import LowpassParams, lag_spread_samples
from musqa_pipeline.audio.degradations.rebuild import AUDIO_COLUMNS, degraded_audio
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.stages.degradations.plan import processes_of
from musqa_pipeline.stages.degradations.stage import list_units, planned_rows
from musqa_pipeline.stages.degradations.table import DEGRADATIONS, OF_CARRIERS, PLAN_COLUMNS, RANDOM
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.references import read_reference

LOUDNESS_TOLERANCE_LU = 0.1
LARGEST_LAG_SAMPLES = 1
SEARCHED_SAMPLES = 4_800
"""Lags up to 100 ms: twice what a cascade of undropped delays would add up to."""
LEAST_FREQUENCY_HZ = 200


def check_counts(context: Context) -> CheckResult:
    """Check that what is stored is what was planned, row by row."""
    lake, partition = context.lake, context.partition("degradations")
    counts = dict.fromkeys(
        ("n_references", "n_rows", "n_pool_rows", "n_identical", "n_quarantined", "n_differing"), 0
    )
    there = lake.row_counts(partition)
    for unit in list_units(context):
        counts["n_references"] += "pairs" not in unit.plan  # these belong to a later round
        plan = planned_rows(unit, context.preset.degradations)
        if not there.get(unit.unit_id):
            counts["n_quarantined" if unit.unit_id in there else "n_differing"] += 1
            continue
        stored = lake.read(partition, unit.unit_id, ["degraded_id", "in_pool", "identical_to"])
        planned = [(row["degraded_id"], row["in_pool"]) for row in plan]
        found = list(
            zip(stored["degraded_id"].to_pylist(), stored["in_pool"].to_pylist(), strict=True)
        )
        counts["n_differing"] += planned != found
        counts["n_rows"] += len(found)
        counts["n_pool_rows"] += sum(in_pool for _, in_pool in found)
        counts["n_identical"] += stored.num_rows - stored["identical_to"].null_count
    return CheckResult(
        passed=counts["n_differing"] == 0 and counts["n_rows"] > 0,
        claim="every reference has the degraded excerpts of its plan",
        numbers=counts,
    )


def check_loudness(context: Context) -> CheckResult:
    """Check the loudness of every degraded excerpt; a rated catalog has rows, but none."""
    target_lufs = context.preset.excerpts.target_lufs
    stored = context.lake.scan(
        context.partition("degradations"),
        DEGRADATIONS.schema,
        columns=["depth", "loudness_lufs", "n_over_full_scale"],
    ).to_pydict()
    errors_lu = [
        abs(lufs - target_lufs)
        for depth, lufs in zip(stored["depth"], stored["loudness_lufs"], strict=True)
        if depth > 0
    ]
    worst_lu = max(errors_lu, default=0.0)
    return CheckResult(
        passed=bool(stored["depth"]) and worst_lu <= LOUDNESS_TOLERANCE_LU,
        claim=f"loudness is within {LOUDNESS_TOLERANCE_LU} LU of {target_lufs:g} LUFS",
        numbers={
            "n_rows": len(errors_lu),
            "largest_error_lu": worst_lu,
            "n_rows_over_full_scale": sum(n > 0 for n in stored["n_over_full_scale"]),
        },
    )


def check_alignment(context: Context, *, n_references: int = 6, n_rows: int = 4) -> CheckResult:
    """Estimate the delay of a sample of degraded excerpts to their references.

    Rows with faults of carriers are not among them: wow and a wrong speed move time on purpose.
    """
    lake, partition = context.lake, context.partition("degradations")
    rng = derive_generator("degradations-check", context.preset.degradations.seed)
    lags: list[int] = []
    allowed: list[int] = []
    columns = [*(column.name for column in PLAN_COLUMNS), *AUDIO_COLUMNS]
    done = lake.done(partition)
    for unit_id in rng.permutation(done)[:n_references].tolist():
        table = lake.scan(partition, DEGRADATIONS.schema, columns=columns, units=[unit_id])
        table = table.filter(pc.invert(pc.is_in(table["kind"], pa.array(OF_CARRIERS))))
        indices = sorted(rng.permutation(table.num_rows)[:n_rows].tolist())
        rows: list[dict[str, Any]] = table.take(indices).to_pylist()
        if not rows:
            continue
        reference = read_reference(context, rows[0]["excerpt_id"])
        lags += [estimate_lag_samples(reference, x) for x in degraded_audio(rows)]
        allowed += [LARGEST_LAG_SAMPLES + _spread_samples(row) for row in rows]
    worst = max((abs(lag) for lag in lags), default=0)
    n_late = sum(abs(lag) > most for lag, most in zip(lags, allowed, strict=True))
    return CheckResult(
        passed=bool(lags) and n_late == 0,
        claim="degraded excerpts are aligned with their references to one sample",
        numbers={
            "n_rows": len(lags),
            "largest_lag_samples": worst,
            "n_lag_not_zero": sum(lag != 0 for lag in lags),
            "n_beyond_what_is_allowed": n_late,
        },
    )


def _spread_samples(row: Mapping[str, Any]) -> int:
    """Bound how much more the random low-passes of a row delay a part of the band."""
    if row["kind"] != RANDOM:
        return 0
    halves = (process.params for process in processes_of(row))
    return sum(lag_spread_samples(params) for params in halves if isinstance(params, LowpassParams))


def estimate_lag_samples(reference: NDArray[np.floating], degraded: NDArray[np.floating]) -> int:
    """Estimate by how much a signal is late, from the largest value of a cross-correlation.

    The plain correlation of dark music has so flat a top that the phase of a codec's high-pass
    filter, or of a low-pass near its cut-off, moves it by some samples. So 200 Hz and less are
    left out, and each frequency counts by amplitude rather than power.
    """
    n_fft = 1 << (len(reference) + SEARCHED_SAMPLES - 1).bit_length()
    spectrum = np.fft.rfft(degraded, n_fft) * np.conj(np.fft.rfft(reference, n_fft))
    spectrum[: int(LEAST_FREQUENCY_HZ / SAMPLE_RATE_HZ * n_fft)] = 0.0
    magnitude = np.abs(spectrum)
    spectrum /= np.sqrt(np.maximum(magnitude, 1e-12 * magnitude.max(initial=1e-300)))
    correlation = np.fft.irfft(spectrum, n_fft)
    lags = np.arange(-SEARCHED_SAMPLES, SEARCHED_SAMPLES + 1)
    return int(lags[np.argmax(correlation[lags])])
