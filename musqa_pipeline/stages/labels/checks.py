"""What must hold of labels: one for each degraded excerpt, in range, and identity at the top."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.compute as pc

from musqa_pipeline.audio.metrics.registry import METRICS
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.per_catalog import LISTENERS
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.labels import listeners
from musqa_pipeline.stages.labels.stage import list_units
from musqa_pipeline.stages.labels.table import LABELS

LARGEST_MOS = 4.75
"""ViSQOL's audio model gives identical signals 4.732 and nothing more than a hair above."""
LEAST_IDENTITY_MOS = 4.7


def check_counts(context: Context) -> CheckResult:
    """Check that each degraded excerpt has one label, and that no label lacks its excerpt.

    Where listeners label, these are the rated excerpts.
    """
    lake = context.lake
    made = lake.scan(
        context.partition("degradations"),
        DEGRADATIONS.schema,
        columns=["degraded_id", "excerpt_id"],
    )
    if context.preset.labels.metric == LISTENERS:
        rated = [unit.plan["excerpt_id"] for unit in list_units(context)]
        made = made.filter(pc.is_in(made["excerpt_id"], pa.array(rated, pa.string())))
    wanted = made["degraded_id"].to_pylist()
    found = lake.scan(context.partition("labels"), LABELS.schema, columns=["degraded_id"])[
        "degraded_id"
    ].to_pylist()
    missing, surplus = set(wanted) - set(found), set(found) - set(wanted)
    doubled = len(found) - len(set(found))
    return CheckResult(
        passed=bool(found) and not missing and not surplus and not doubled,
        claim="each degraded excerpt has one label; there is no other",
        numbers={
            "n_degraded": len(wanted),
            "n_labels": len(found),
            "n_missing": len(missing),
            "n_surplus": len(surplus),
            "n_doubled": doubled,
        },
    )


def check_range(context: Context) -> CheckResult:
    """Check that labels are finite and within the scale of the metric."""
    stored = context.lake.scan(
        context.partition("labels"), LABELS.schema, columns=["mos", "quality", "lag_samples"]
    ).to_pydict()
    by_listeners = context.preset.labels.metric == LISTENERS
    largest = listeners.LARGEST_MOS if by_listeners else LARGEST_MOS
    bad = sum(
        not (1.0 <= mos <= largest and math.isclose(quality, (mos - 1.0) / 4.0, abs_tol=1e-12))
        for mos, quality in zip(stored["mos"], stored["quality"], strict=True)
    )
    return CheckResult(
        passed=bool(stored["mos"]) and bad == 0,
        claim=f"every MOS is in [1, {largest:g}] and quality is (mos - 1) / 4",
        numbers={
            "n_labels": len(stored["mos"]),
            "n_bad": bad,
            "least_mos": min(stored["mos"], default=math.nan),
            "largest_mos": max(stored["mos"], default=math.nan),
            "n_lag_not_zero": sum(bool(lag) for lag in stored["lag_samples"]),
        },
    )


def check_identity(context: Context, *, n_references: int = 2) -> CheckResult:
    """Score a few references against themselves."""
    if context.preset.labels.metric == LISTENERS:
        return CheckResult(True, "listeners label, and no metric", {"n_references": 0})
    lake, partition = context.lake, context.partition("excerpts")
    rng = derive_generator("labels-check", context.preset.degradations.seed)
    ids = lake.scan(partition, EXCERPTS.schema, columns=["excerpt_id"])["excerpt_id"].to_pylist()
    scores = []
    for excerpt_id in rng.permutation(ids)[:n_references].tolist():
        reference = read_reference(context, excerpt_id)
        scores.append(METRICS[context.preset.labels.metric](reference).score(reference).mos)
    least = min(scores, default=math.nan)
    return CheckResult(
        passed=least >= LEAST_IDENTITY_MOS,
        claim=f"a reference against itself scores at least {LEAST_IDENTITY_MOS}",
        numbers={"n_references": len(scores), "least_identity_mos": least},
    )
