"""What an export is made of: which rows and columns, in which shards, and by what mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import unit_interval_hash
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.release.exports.kinds import Format
from musqa_pipeline.release.model.attribution import is_allowed
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.views.published_set import Published

VERSION = 1
"""Raised when the same set is written otherwise."""
ROWS_PER_SHARD = 64
"""2 MB of samples each."""
FILE_A_ROW = (Format.wav, Format.flac)
"""Formats in which every row is a file of its own."""
_MARKED = ("key", "pcm_hash", "mos", "split", "terms", "passed_on")
"""What another export differs in: with other terms, too, what lies there may not stay."""
PASSED_ON = ("CC0", "public domain", "CC-BY", "CC-BY-SA", "MIT", "Apache")
"""Terms that let anyone pass on changed copies; a version may follow. Not among them: terms without
derivatives, which a degraded excerpt is, and not for commerce, which depends on who exports."""
UNSTATED = "unstated"
"""What stands for no terms at all on the command line and in the card."""
SYNTHESISED = "synthesised by musqa"


def _of(table: Table, *names: str) -> tuple[Column, ...]:
    return tuple(column for name in names for column in table.columns if column.name == name)


EXPORTED = Table(
    "metadata",
    "a degraded excerpt with its label",
    (
        Column("key", pa.string(), "<catalog>--<degraded_id>; unique in the export"),
        Column("split", pa.string(), "train, validation or test; no recording is in two of them"),
        Column("mos", pa.float64(), "label: MOS-LQO of the metric, 1 to about 4.73"),
        Column("quality", pa.float64(), "the same label as (mos - 1) / 4"),
        *_of(LABELS, "metric", "vnsim"),
        *_of(DATASET, "catalog", "degraded_id", "excerpt_id", "recording", "split_group"),
        *_of(DATASET, "uniform_draw", "natural_mix", "trusted", "bin"),
        *_of(DEGRADATIONS, "kind", "process", "depth", "first_name", "first_bitrate_kbps"),
        *_of(DEGRADATIONS, "first_cutoff_hz", "last_name", "last_bitrate_kbps", "last_cutoff_hz"),
        *_of(DEGRADATIONS, "first_params", "last_params", "identical_to", "encoder"),
        Column("loudness_lufs", pa.float64(), "loudness of the excerpt, in LUFS"),
        Column("n_over_full_scale", pa.int32(), "samples over full scale; none was cut"),
        *_of(DEGRADATIONS, "pcm_hash"),
        Column(
            "file_gain_db",
            pa.float64(),
            "gain to apply to the samples in the file to have those that were labelled; above 0 "
            "only in integer formats, for rows that pass full scale",
        ),
        Column("reference_key", pa.string(), "<catalog>--<excerpt_id> of the untouched reference"),
        Column("title", pa.string(), "of the recording, or empty"),
        Column("artist", pa.string(), "of the recording, or empty"),
        Column("genre", pa.string(), "of the recording, or empty"),
        Column("terms", pa.string(), "terms of the recording, as its catalog states them"),
    ),
)


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
    """Decide what goes where."""
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


def stated_terms(licence: str, tier: str) -> str:
    """Say under which terms a track is."""
    plain = licence.strip()
    if not plain and tier == SYNTHESISED_TIER:
        return SYNTHESISED
    return plain or UNSTATED


def with_terms(rows: pl.DataFrame, accepted: Sequence[str]) -> pl.DataFrame:
    """Mark the rows whose audio may be passed on."""
    pairs = rows.select("licence", "tier").unique().rows()
    terms = {pair: stated_terms(*pair) for pair in pairs}
    known = sorted(set(terms.values()))
    unknown = sorted(set(accepted) - set(known))
    if unknown:
        raise StageError(
            f"--accept-terms {unknown[0]!r}: no recording of this set is under them; its terms are "
            f"{', '.join(map(repr, known))}"
        )
    of_row = [terms[pair] for pair in rows.select("licence", "tier").rows()]
    may = {
        name: name == SYNTHESISED or name in accepted or is_allowed(name, PASSED_ON)
        for name in known
    }
    return rows.with_columns(
        terms=pl.Series(of_row, dtype=pl.String),
        passed_on=pl.Series([may[name] for name in of_row], dtype=pl.Boolean),
    )


def kept_back(rows: pl.DataFrame) -> pl.DataFrame:
    """Count what is kept back."""
    return (
        rows.filter(~pl.col("passed_on"))
        .group_by("terms")
        .agg(
            n_recordings=pl.struct("catalog", "track_id").n_unique(),
            n_rows=pl.len(),
        )
        .sort("terms")
    )
