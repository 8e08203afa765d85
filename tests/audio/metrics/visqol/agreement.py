"""Whether musqa's ViSQOL says of a pair what an oracle says, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.metrics.visqol import Reference, VisqolScore
from tests.audio.metrics.visqol.oracle import OraclePatch, OracleScore
from tests.audio.metrics.visqol.pairs import Pair, make_pairs

TOLERANCE = {"exact": 1e-9, "fast": 1e-6}
"""Of MOS and similarities of a whole signal; 14 and 4 times what was seen on all pairs."""
PATCH_TOLERANCE = 1e-6


def scored(
    pairs: Iterable[Pair], precision: str = "exact"
) -> Iterator[tuple[Pair, np.ndarray, np.ndarray, VisqolScore]]:
    """Yield pairs with their samples and our score; a reference is prepared once."""
    references: dict[str, Reference] = {}
    for pair, reference, degraded in make_pairs(pairs):
        if pair.reference not in references:
            references[pair.reference] = Reference(reference, precision=precision)
        yield pair, reference, degraded, references[pair.reference].score(degraded)


def disagreements(
    name: str, score: VisqolScore, oracle: OracleScore, precision: str = "exact"
) -> list[str]:
    """List what differs: a lag, the place of a patch, a similarity or the MOS."""
    found = []
    if score.lag_samples != oracle.lag_samples:
        found.append(f"{name}: lag {score.lag_samples}, expected {oracle.lag_samples} samples")
    ours = tuple(patch_of(p) for p in score.patches)
    if len(ours) != len(oracle.patches):
        found.append(f"{name}: {len(ours)} patches, expected {len(oracle.patches)}")
    for i, (p, q) in enumerate(zip(ours, oracle.patches, strict=False)):
        if times_of(p) != times_of(q):
            found.append(f"{name}: patch {i} lies at {times_of(p)}, expected {times_of(q)}")
        elif not abs(p.similarity - q.similarity) <= PATCH_TOLERANCE:
            found.append(f"{name}: patch {i} is {p.similarity!r}, expected {q.similarity!r}")
    for what in ("mos", "vnsim"):
        a, b = getattr(score, what), getattr(oracle, what)
        if not abs(a - b) <= TOLERANCE[precision]:
            found.append(f"{name}: {what} {a!r}, expected {b!r} ({a - b:+.1e})")
    return found


def patch_of(patch) -> OraclePatch:
    """Convert one of our patches to samples."""
    times_s = (
        patch.reference_start_s,
        patch.reference_end_s,
        patch.degraded_start_s,
        patch.degraded_end_s,
    )
    return OraclePatch(*(round(t * SAMPLE_RATE_HZ) for t in times_s), patch.similarity)


def times_of(patch: OraclePatch) -> tuple[int, int, int, int]:
    return (
        patch.reference_start,
        patch.reference_end,
        patch.degraded_start,
        patch.degraded_end,
    )
