"""Near-duplicates over split borders: the same music under two names, once in each of two parts.

Names and hashes cannot see a song that is there twice in different encodings, at different levels
or with a different start. The acoustic fingerprints of the references can, as far as their 10 s
overlap: two excerpts cut minutes apart from one song share nothing and are not found.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.measures.fingerprint import best_matches, fingerprint
from musqa_pipeline.stages.dataset.report import read_splits
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.excerpts.table import EXCERPTS

LEAST_SIMILARITY = 0.3
"""35 % of the signs differ: the threshold of Haitsma and Kalker (see `acoustic`). Among some 4,900
pairs of excerpts of open music no two recordings came above 0.17; songs made of the same samples
at the same tempo reach 0.28; a copy that is shifted, re-encoded, filtered or clipped stays above
0.6."""
LEAST_OVERLAP_S = 3.0
MAX_EXCERPTS_PER_TRACK = 3
PAIRS_SCHEMA = {
    "part_a": pl.String, "catalog_a": pl.String, "excerpt_a": pl.String,
    "part_b": pl.String, "catalog_b": pl.String, "excerpt_b": pl.String,
    "similarity": pl.Float64, "offset_s": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """A reference excerpt as the search sees it."""

    catalog: str
    excerpt_id: str
    part: str
    signs: NDArray[np.int8]
    """Its fingerprint, shape (frames, 32)."""


@dataclass(frozen=True)
class NearDuplicates:
    """What the search found."""

    pairs: pl.DataFrame
    """`part_a, catalog_a, excerpt_a, part_b, catalog_b, excerpt_b, similarity, offset_s`, the most
    alike first."""
    n_references: int
    n_compared: int
    """Pairs that were compared: those over a border between two parts."""


def find_near_duplicates(references: Sequence[Reference]) -> NearDuplicates:
    """Compare each reference with all references of other parts."""
    by_part = {part: [r for r in references if r.part == part] for part in PARTS}
    found, n_compared = [], 0
    for first, second in itertools.combinations(by_part.values(), 2):
        n_compared += len(first) * len(second)
        matches = best_matches(
            [r.signs for r in first],
            [r.signs for r in second],
            least_similarity=LEAST_SIMILARITY,
            least_overlap_s=LEAST_OVERLAP_S,
        )
        for match in matches:
            a, b = first[match.first], second[match.second]
            sides = [value for r in (a, b) for value in (r.part, r.catalog, r.excerpt_id)]
            found.append((*sides, match.similarity, match.offset_s))
    pairs = pl.DataFrame(found, schema=PAIRS_SCHEMA, orient="row")
    order = ["similarity", "catalog_a", "excerpt_a", "catalog_b", "excerpt_b"]
    pairs = pairs.sort(order, descending=[True, False, False, False, False])
    return NearDuplicates(pairs, len(references), n_compared)


def search_near_duplicates(context: Context) -> NearDuplicates:
    """Search the references of the preset's catalogs."""
    splits = read_splits(context)
    references: list[Reference] = []
    for (catalog,), tracks in splits.group_by("catalog", maintain_order=True):
        part_of = dict(zip(tracks["track_id"], tracks["part"], strict=True))
        references += _references(context, str(catalog), part_of)
    return find_near_duplicates(references)


def _references(context: Context, catalog: str, part_of: Mapping[str, str]) -> list[Reference]:
    partition = context.partition("excerpts", catalog)
    wanted = ["excerpt_id", "track_id", "index"]
    listed = context.lake.scan(partition, EXCERPTS.schema, columns=wanted).to_pylist()
    references = []
    for row in listed:
        if row["track_id"] in part_of and row["index"] < MAX_EXCERPTS_PER_TRACK:
            scored = read_reference(context, row["excerpt_id"], catalog)
            signs = fingerprint(scored, SAMPLE_RATE_HZ)
            part = part_of[row["track_id"]]
            references.append(Reference(catalog, row["excerpt_id"], part, signs))
    return references
