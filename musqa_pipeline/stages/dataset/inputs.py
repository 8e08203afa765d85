"""What the joint stages see: the chosen catalogs' tracks and labelled rows, and a digest of them.

Bitstreams and audio are never loaded here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import polars as pl

from musqa_pipeline.catalogs.content_ids import former_ids
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.stages.degradations.table import DEGRADATIONS, PLAN_COLUMNS
from musqa_pipeline.stages.engine.catalog_choice import drawn_catalogs
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.exclusions import withheld_catalogs
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.tracks.duplicates import read_tracks
from musqa_pipeline.stages.tracks.table import TRACKS

READ_STAGES = ("tracks", "excerpts", "degradations", "labels")
_TRACK_COLUMNS = {
    "track_id": "track_id", "file": "file", "pcm_hash": "pcm_hash", "recording": "recording",
    "artist": "artist", "genre": "genre", "tier": "tier", "role": "role", "verdict": "verdict",
    "flags": "flags", "codec": "track_codec", "bitrate_kbps": "track_bitrate_kbps",
    "upper_edge_hz": "track_upper_edge_hz", "mos": "track_mos",
}  # fmt: skip
"""Columns of `tracks` that rows carry, under names that say whose they are."""


def joint_inputs(context: Context) -> str:
    """Digest what there is to draw from, for the fingerprints of the joint stages."""
    seen: dict[str, dict[str, list[str]]] = {}
    former = former_ids(context.lake)
    for catalog in drawn_catalogs(context):
        units: dict[str, list[str]] = {}
        for stage in READ_STAGES:
            partition = context.partition(stage, catalog)
            units[stage] = context.lake.done(partition)
            units[f"{stage} quarantine"] = context.lake.done(partition.quarantine)
        names = former.get(catalog, {})
        for kind in ("tracks", "tracks quarantine") if names else ():
            units[kind] = sorted(names.get(unit, unit) for unit in units[kind])
        if any(units.values()):
            seen[catalog] = units
    return digest(seen)


def read_seen_tracks(context: Context) -> pl.DataFrame:
    """Read the tracks of all chosen catalogs."""
    return _of_all_catalogs(context, _tracks_of_catalog).sort("catalog", "file")


def read_untrained(
    context: Context, left_out_catalogs: Collection[str] = ()
) -> set[tuple[str, str]]:
    """Read catalog and id of the excerpts on which no network trains, darker copies among them."""
    found: set[tuple[str, str]] = set()
    for catalog in drawn_catalogs(context):
        tracks = _tracks(context, catalog)
        if catalog not in left_out_catalogs:
            tracks = tracks.filter(pl.col("tier") == COPY_TIER)
        if tracks.height:
            found |= _excerpts_of(context, catalog, tracks)
    return found


def read_narrow(context: Context, narrowest_hz: float) -> set[tuple[str, str]]:
    """Read catalog and id of the excerpts whose original's sound ends below an edge."""
    found: set[tuple[str, str]] = set()
    for catalog in drawn_catalogs(context) if narrowest_hz else ():
        tracks = _tracks(context, catalog)
        narrow = tracks.filter(pl.col("upper_edge_hz") < narrowest_hz)
        found |= _excerpts_of(context, catalog, narrow)
    return found


def _excerpts_of(context: Context, catalog: str, tracks: pl.DataFrame) -> set[tuple[str, str]]:
    cut = _scan(context, "excerpts", catalog, ["excerpt_id", "track_id"])
    cut = cut.join(tracks, on="track_id", how="semi")
    return {(catalog, excerpt_id) for excerpt_id in cut["excerpt_id"]}


def read_labelled_rows(context: Context) -> pl.DataFrame:
    """Read every labelled degraded excerpt of all chosen catalogs, in the pool or not."""
    return _of_all_catalogs(context, _rows_of_catalog).sort(
        "catalog", "excerpt_id", maintain_order=True
    )


def _of_all_catalogs(
    context: Context, read: Callable[[Context, str], pl.DataFrame]
) -> pl.DataFrame:
    names = drawn_catalogs(context)
    if not names and (withheld := withheld_catalogs(context)):
        told = "; ".join(f"{name} ({reason})" for name, reason in withheld.items())
        raise StageError(f"every catalog of preset {context.preset.name} is kept out: {told}")
    if not names:
        raise StageError(
            f"preset {context.preset.name} sees no catalog (catalogs = "
            f"{list(context.preset.catalogs)}); add music with `musqa catalog add DIR`"
        )
    return pl.concat([read(context, name) for name in names])


def _tracks_of_catalog(context: Context, catalog: str) -> pl.DataFrame:
    tracks = _tracks(context, catalog)
    served = _scan(context, "excerpts", catalog, ["track_id"])["track_id"].unique()
    return tracks.with_columns(
        catalog=pl.lit(catalog), serves=pl.col("track_id").is_in(served.implode())
    )


def _rows_of_catalog(context: Context, catalog: str) -> pl.DataFrame:
    plan = [c.name for c in PLAN_COLUMNS]
    labels = _scan(context, "labels", catalog, ["degraded_id", "mos", "quality"])
    made = _identical_in_any_round(
        _scan(context, "degradations", catalog, [*plan, "identical_to", "pcm_hash"])
    )
    cut = _scan(context, "excerpts", catalog, ["excerpt_id", "track_id"])
    tracks = _tracks(context, catalog).select(
        pl.col(name).alias(alias) for name, alias in _TRACK_COLUMNS.items()
    )
    return (
        labels.join(made, on="degraded_id", how="inner", maintain_order="left")
        .join(cut, on="excerpt_id", how="inner", maintain_order="left")
        .join(tracks, on="track_id", how="inner", maintain_order="left")
        .with_columns(catalog=pl.lit(catalog))
    )


def _identical_in_any_round(made: pl.DataFrame) -> pl.DataFrame:
    """Mark rows that equal one of another round, which their own unit could not know."""
    first = pl.col("degraded_id").first().over("excerpt_id", "pcm_hash")
    elsewhere = pl.when(first != pl.col("degraded_id")).then(first)
    return made.with_columns(identical_to=elsewhere).drop("pcm_hash")


def _tracks(context: Context, catalog: str) -> pl.DataFrame:
    frame = pl.DataFrame(read_tracks(context, catalog))
    return frame.select([c.name for c in TRACKS.columns])


def _scan(context: Context, stage: str, catalog: str, columns: list[str]) -> pl.DataFrame:
    schema = {"excerpts": EXCERPTS, "degradations": DEGRADATIONS, "labels": LABELS}[stage].schema
    table = context.lake.scan(context.partition(stage, catalog), schema, columns=columns)
    return pl.DataFrame(table)
