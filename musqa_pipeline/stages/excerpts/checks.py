"""What must hold of the stored references of a catalog, measured again from their FLAC bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.files.flac import reference_audio
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.stage import list_units
from musqa_pipeline.stages.excerpts.table import EXCERPTS

LOUDNESS_TOLERANCE_LU = 0.1


def check_loudness(context: Context) -> CheckResult:
    """Check that every reference has the target loudness."""
    target_lufs = context.preset.excerpts.target_lufs
    worst_lu, n_wrong, n_clipped, n_excerpts = 0.0, 0, 0, 0
    for row in _rows(context):
        samples = reference_audio(row["flac"])[:EXCERPT_SAMPLES]
        error_lu = abs(integrated_lufs(samples) - target_lufs)
        worst_lu = max(worst_lu, error_lu)
        n_wrong += error_lu > LOUDNESS_TOLERANCE_LU
        n_clipped += row["n_clipped_samples"] > 0
        n_excerpts += 1
    return CheckResult(
        passed=n_wrong == 0,
        claim=f"loudness is within {LOUDNESS_TOLERANCE_LU} LU of {target_lufs:g} LUFS",
        numbers={
            "excerpts": n_excerpts,
            "largest_error_lu": round(worst_lu, 6),
            "outside_tolerance": n_wrong,
            "excerpts_with_clipping": n_clipped,
        },
    )


def check_stored_audio(context: Context) -> CheckResult:
    """Check that every reference decodes to 10 s and a tail, and that none is there twice."""
    n_wrong = n_silent = n_excerpts = n_mirrored = 0
    seen = set()
    for row in _rows(context):
        samples = reference_audio(row["flac"])
        n_wrong += samples.shape != (EXCERPT_SAMPLES + TAIL_SAMPLES,)
        n_silent += not np.any(samples[:EXCERPT_SAMPLES])
        n_mirrored += row["tail_mirrored"]
        seen.add(hashlib.blake2b(samples[:EXCERPT_SAMPLES].tobytes()).digest())
        n_excerpts += 1
    n_twice = n_excerpts - len(seen)
    return CheckResult(
        passed=n_wrong == n_silent == n_twice == 0,
        claim="every reference decodes to 10 s and a tail, and no two are equal",
        numbers={
            "excerpts": n_excerpts,
            "wrong_length": n_wrong,
            "silent": n_silent,
            "twice": n_twice,
            "tail_mirrored": n_mirrored,
        },
    )


def check_row_count(context: Context) -> CheckResult:
    """Check that every planned excerpt is stored or in quarantine."""
    lake, partition = context.lake, context.partition("excerpts")
    planned = {unit.unit_id for unit in list_units(context)}
    ids = lake.scan(partition, EXCERPTS.schema, columns=["excerpt_id"])["excerpt_id"]
    stored, refused = set(ids.to_pylist()), set(lake.done(partition.quarantine))
    missing = planned - stored - refused
    return CheckResult(
        passed=not missing and stored <= planned and len(stored) > 0,
        claim="every planned excerpt is stored, or in quarantine with a reason",
        numbers={
            "planned": len(planned),
            "stored": len(stored),
            "quarantined": len(refused),
            "missing": len(missing),
            "unplanned": len(stored - planned),
        },
    )


def _rows(context: Context) -> Iterator[dict]:
    """Yield the rows unit by unit, so that a large catalog's audio is never in memory at once."""
    partition = context.partition("excerpts")
    for unit_id in context.lake.done(partition):
        yield from context.lake.read(partition, unit_id, EXCERPTS.schema.names).to_pylist()
