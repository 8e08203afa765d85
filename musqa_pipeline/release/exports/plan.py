"""What an export is made of: which rows, in which shards, and by what mark it is known again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import unit_interval_hash
from musqa_pipeline.release.exports.kinds import Format
from musqa_pipeline.release.exports.table import EXPORTED
from musqa_pipeline.release.exports.terms import with_terms
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.views.published_set import Published

VERSION = 1
"""Raised when the same set is written otherwise."""
ROWS_PER_SHARD = 64
"""2 MB of samples each."""


FILE_A_ROW = (Format.wav, Format.flac)
"""Formats in which every row is a file of its own."""

_MARKED = ("key", "pcm_hash", "mos", "split", "terms", "passed_on")
"""What another export differs in: with other terms, too, what lies there may not stay."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    format: Format
    splits: tuple[str, ...] = PARTS
    limit: int = 0
    """At most so many rows with audio, 0 for all; fewer are some of more."""
    with_references: bool = False
    accepted_terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shard:
    """Rows that are written together."""

    name: str
    """Such as ``train-00000-of-00012``."""
    split: str
    rows: list[dict[str, Any]]
    """With the columns of `EXPORTED`, and ``catalog, excerpt_id, degraded_id``."""


@dataclass(frozen=True)
class Plan:
    """An export before a file of it exists."""

    options: Options
    rows: pl.DataFrame
    """All rows that were asked for, with the columns of `EXPORTED`, ``passed_on`` and those that
    the attribution needs."""
    shards: list[Shard]
    """Of the rows whose audio may be passed on."""
    reference_shards: list[Shard]
    """Of their references, one row each; empty without them."""
    mark: str
    """Digest of everything that the files depend on."""


def plan_export(published: Published, options: Options) -> Plan:
    """Decide what goes where.

    Raises StageError if no row is left whose audio may be passed on, or a split is unknown.
    """
    unknown = sorted(set(options.splits) - set(PARTS))
    if unknown:
        raise StageError(f"--split {unknown[0]!r}: expected one of {', '.join(PARTS)}")
    rows = with_terms(published.rows, options.accepted_terms).with_columns(
        key=pl.concat_str("catalog", pl.lit("--"), "degraded_id"),
        reference_key=pl.concat_str("catalog", pl.lit("--"), "excerpt_id"),
        split=pl.col("part"),
        file_gain_db=pl.lit(0.0),
    )
    rows = rows.filter(pl.col("split").is_in(options.splits))
    places = [unit_interval_hash("export", 0, key) for key in rows["key"]]
    rows = rows.with_columns(place=pl.Series(places, dtype=pl.Float64))
    if options.limit:
        chosen = rows.filter("passed_on").sort("place", "key").head(options.limit)["key"]
        rows = rows.filter(pl.col("key").is_in(chosen.implode()) | ~pl.col("passed_on"))
    audible = rows.filter("passed_on")
    if not audible.height:
        raise StageError(
            f"none of {rows.height} rows may be passed on as audio: their terms are "
            f"{', '.join(sorted(map(repr, rows['terms'].unique())))}; name terms that you have the "
            "right to pass on with --accept-terms, or choose other splits"
        )
    # Files lie as they were made; what is read shard by shard is mixed, so that a stretch of it is
    # not all of one reference.
    order = ["catalog", "excerpt_id"] if options.format in FILE_A_ROW else ["place", "key"]
    shards = _in_shards(audible.sort(*order, maintain_order=True), EXPORTED.schema.names)
    references: list[Shard] = []
    if options.with_references:
        once = audible.unique("reference_key", maintain_order=True).sort("reference_key")
        names = ["reference_key", "split", "catalog", "excerpt_id", "title", "artist", "terms"]
        references = _in_shards(once, names)
    facts = [VERSION, asdict(options), rows.select(_MARKED).rows()]
    return Plan(options, rows, shards, references, digest(facts))


def _in_shards(rows: pl.DataFrame, columns: Sequence[str]) -> list[Shard]:
    shards = []
    for split in PARTS:
        of_split = rows.filter(pl.col("split") == split)
        count = -(-of_split.height // ROWS_PER_SHARD)
        for i in range(count):
            part = of_split.slice(i * ROWS_PER_SHARD, ROWS_PER_SHARD).select(columns)
            shards.append(Shard(f"{split}-{i:05d}-of-{count:05d}", split, part.to_dicts()))
    return shards
