"""What a preset has published: its dataset with all that the tables know of each row.

For `musqa export` and `musqa recipe`. Bitstreams and audio are not read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.tables import Table
from musqa_pipeline.stages.dataset.stage import DATASET_UNIT
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.sources import units_by_excerpt
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import catalog_context, load_preset
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.rows import CATALOG_STAGES
from musqa_pipeline.stages.tracks.duplicates import read_tracks
from musqa_pipeline.stages.views.duck import read_published

_EXCERPT_COLUMNS = {
    "excerpt_id": "excerpt_id", "start_s": "reference_start_s", "gain_db": "reference_gain_db",
    "loudness_lufs": "reference_loudness_lufs", "peak": "reference_peak",
    "n_clipped_samples": "reference_n_clipped_samples",
}  # fmt: skip
_TRACK_COLUMNS = {
    "track_id": "track_id", "file": "track_file", "pcm_hash": "track_pcm_hash", "title": "title",
    "artist": "artist", "genre": "genre", "licence": "licence", "tier": "tier",
    "duration_s": "track_duration_s", "sample_rate_hz": "track_sample_rate_hz",
    "channels": "track_channels",
}  # fmt: skip
"""Columns of `tracks` under the names that rows carry them by."""


@dataclass(frozen=True)
class Published:
    """A published dataset."""

    context: Context
    """With the fingerprints that were published."""
    rows: pl.DataFrame
    """See `read_published_set`."""
    is_current: bool
    """Whether settings and tool versions of the stages 1-4 are those that are here now."""


def read_published_set(home: Home, preset_name: str) -> Published:
    """Read a preset's published dataset.

    Raises StageError if the preset has published no dataset, or a row's degraded excerpt is gone;
    SettingsError if there is no such preset.
    """
    preset = load_preset(preset_name)
    stages = read_published(home)["presets"].get(preset.name, {}).get("stages", {})
    context = Context(home, preset, None, stages)
    partition = context.joint_partition("dataset") if "dataset" in stages else None
    if partition is None or context.lake.missing(partition, [DATASET_UNIT]):
        known = ", ".join(sorted(read_published(home)["presets"])) or "none"
        raise StageError(
            f"preset {preset.name} has published no dataset in {home} (presets there: {known}); "
            f"make it with `musqa run --preset {preset_name} --until dataset`"
        )
    chosen = pl.DataFrame(context.lake.read(partition, DATASET_UNIT, DATASET.schema.names))
    parts = [
        _joined(context, catalog, rows)
        for (catalog,), rows in chosen.sort("catalog").group_by(["catalog"], maintain_order=True)
        if isinstance(catalog, str)
    ]
    now = catalog_context(home, preset, "").fingerprints
    is_current = all(now[name] == stages.get(name) for name in CATALOG_STAGES)
    return Published(context, pl.concat(parts), is_current)


def _joined(context: Context, catalog: str, chosen: pl.DataFrame) -> pl.DataFrame:
    """Join what the stages 1-4 know to the chosen rows of one catalog."""
    excerpt_ids = chosen["excerpt_id"].unique().sort().to_list()
    units = units_by_excerpt(context, catalog)
    wanted = [unit for excerpt_id in excerpt_ids for unit in units.get(excerpt_id, ())]
    made = _scan(context, DEGRADATIONS, catalog, wanted, without=("bitstream",))
    labels = _scan(context, LABELS, catalog, wanted).select("degraded_id", "metric", "vnsim")
    cut = _scan(context, EXCERPTS, catalog, excerpt_ids, without=("flac",)).select(
        pl.col(name).alias(alias) for name, alias in _EXCERPT_COLUMNS.items()
    )
    tracks = pl.DataFrame(read_tracks(context, catalog)).select(
        pl.col(name).alias(alias) for name, alias in _TRACK_COLUMNS.items()
    )
    # `made` leads, so that rows are in the order in which they were planned.
    rows = (
        made.drop("excerpt_id")
        .join(chosen, on="degraded_id", how="inner", maintain_order="left")
        .join(labels, on="degraded_id", how="inner", maintain_order="left")
        .join(cut, on="excerpt_id", how="inner", maintain_order="left")
        .join(tracks, on="track_id", how="inner", maintain_order="left")
    )
    gone = chosen.join(rows, on="degraded_id", how="anti")
    if gone.height:
        raise StageError(
            f"catalog {catalog}: {gone.height} rows of the dataset have no degraded excerpt, label "
            f"or track any more ({gone['degraded_id'][0]} first); run musqa run --preset "
            f"{context.preset.name} again"
        )
    first = [name for name in DATASET.schema.names]
    return rows.select(*first, pl.exclude(first)).sort("excerpt_id", maintain_order=True)


def _scan(
    context: Context,
    table: Table,
    catalog: str,
    units: Sequence[str],
    *,
    without: tuple[str, ...] = (),
) -> pl.DataFrame:
    partition = context.partition(table.name, catalog)
    columns = [name for name in table.schema.names if name not in without]
    there = set(context.lake.done(partition))  # a unit may be in quarantine
    found = [unit for unit in units if unit in there]
    return pl.DataFrame(context.lake.scan(partition, table.schema, columns=columns, units=found))
