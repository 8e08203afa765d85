"""How often the intervals of a release hold: as a whole, by quality and by distance."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.release.model.accuracy import MOS_PER_QUALITY, voted_share
from musqa_pipeline.release.model.evidence import Evidence, Floats

QUALITY_EDGES_MOS = (1.0, 2.0, 3.0, 4.0, 5.0)
DISTANCE_EDGES = (0.0, 0.5, 0.75, 1.0)


def coverage_of(
    evidence: Evidence, covered: NDArray[np.bool_], width: Floats, *seed_key: str
) -> dict[str, Any]:
    """Measure coverage."""

    def measured(chosen: NDArray[np.bool_], what: str) -> dict[str, Any]:
        weight = evidence.weight[chosen]
        return {
            "what": what,
            **voted_share(covered[chosen], evidence.group[chosen], *seed_key, what),
            "half_width_mos": MOS_PER_QUALITY
            * float(np.average(width[chosen], weights=weight))
            / 2,
        }

    def parts(values: Floats, edges: tuple[float, ...], what: str) -> list[dict[str, Any]]:
        chosen = {
            f"{what} {low:g}-{high:g}": (low <= values) & (values < high)
            for low, high in itertools.pairwise(edges)
        }
        return [measured(inside, name) for name, inside in chosen.items() if inside.any()]

    mos = 1 + MOS_PER_QUALITY * evidence.mean
    return {
        **measured(np.ones(len(evidence), np.bool_), "all"),
        "by_quality": parts(mos, QUALITY_EDGES_MOS, "predicted"),
        "by_distance": parts(evidence.distance, DISTANCE_EDGES, "distance"),
    }
