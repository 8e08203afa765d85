"""Music as it was produced, by part and class of genre: what GANs are trained and tested on."""

from __future__ import annotations

import os
from typing import Any

from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_splits, require_splits
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.segments.genres import genre_classes
from musqa_pipeline.stages.segments.settings import GanSettings
from musqa_pipeline.stages.tracks.verdict import USABLE

_COLUMNS = (
    "catalog", "track_id", "file", "recording", "duration_s", "sample_rate_hz", "channels",
    "loudness_lufs", "part", "mos",
)  # fmt: skip


def gan_settings(preset: Preset) -> GanSettings:
    """Return the section ``[gan]`` of a preset."""
    settings = preset.further["gan"]
    assert isinstance(settings, GanSettings)
    return settings


def wants_segments(preset: Preset) -> bool:
    """Tell whether a preset asks for scores of segments."""
    return "gan" in preset.further and bool(gan_settings(preset).networks)


def original_tracks(context: Context) -> list[dict[str, Any]]:
    """Return the clean tracks with part, class and path, in a fixed order.

    Darker copies and flagged tracks are no music as it was produced. Raises StageError if there
    are no splits yet.
    """
    require_splits(context, "segments")
    seen = read_seen_tracks(context)
    parts = read_splits(context).select("catalog", "track_id", "part")
    rows = seen.join(parts, on=["catalog", "track_id"], how="inner", maintain_order="left")
    classes = genre_classes(rows.to_dicts(), gan_settings(context.preset).genres)
    flagged_serve = context.preset.excerpts.flagged_tracks == "include"
    kept = [
        row
        for row in rows.to_dicts()
        if row["tier"] != COPY_TIER and (row["verdict"] == USABLE or flagged_serve)
    ]
    paths = {
        (catalog, unit_id): os.fspath(entry.path)
        for catalog in sorted({row["catalog"] for row in kept})
        for unit_id, entry in identified_files(context.home, catalog)
    }
    return [
        {
            **{name: row[name] for name in _COLUMNS},
            "genre": classes[row["catalog"], row["track_id"]],
            "path": paths.get((row["catalog"], row["unit_id"])),
        }
        for row in kept
    ]


def paths_of(context: Context) -> dict[tuple[str, str], str | None]:
    """Return where each of these tracks lies, by catalog and id; None where it is gone."""
    return {(t["catalog"], t["track_id"]): t["path"] for t in original_tracks(context)}
