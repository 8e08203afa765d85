"""Excerpts by part, and their images: what autoencoders of music learn from, and what all show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.autoencoders.settings import RepresentationsSettings
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_splits, require_splits
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.excerpts.table import EXCERPTS

MOST_UNMET = 24
"""Excerpts of which curves show reconstructions at each checkpoint."""
MOST_MUSIC = 512
"""Excerpts that are learned from: 0.6 MB each in memory."""


def representations(preset: Preset) -> RepresentationsSettings:
    """Return the section ``[representations]`` of a preset."""
    settings = preset.further["representations"]
    assert isinstance(settings, RepresentationsSettings)
    return settings


def wants_representations(preset: Preset) -> bool:
    """Tell whether a preset asks for autoencoders."""
    return "representations" in preset.further and bool(representations(preset).losses)


def listed_excerpts(context: Context) -> list[dict[str, Any]]:
    """List the excerpts of all catalogs with recording and part; darker copies are left out.

    Raises StageError if there are no splits yet.
    """
    require_splits(context, "autoencoders")
    key = ["catalog", "track_id"]
    tracks = read_seen_tracks(context).filter(pl.col("tier") != COPY_TIER)
    known = tracks.select(key).join(
        read_splits(context).select(*key, "recording", "part"), on=key, how="inner"
    )
    parts = []
    for catalog in sorted(set(known["catalog"])):
        partition = context.partition("excerpts", catalog)
        columns = ["excerpt_id", "track_id"]
        found = pl.DataFrame(context.lake.scan(partition, EXCERPTS.schema, columns=columns))
        parts.append(found.with_columns(catalog=pl.lit(catalog)))
    if not parts:
        return []
    excerpts = pl.concat(parts).join(known, on=key, how="inner")
    return excerpts.sort("catalog", "excerpt_id").to_dicts()


def spread(excerpts: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Choose so many at most, at equal distances."""
    if len(excerpts) <= most:
        return list(excerpts)
    return [excerpts[k * len(excerpts) // most] for k in range(most)]


def images_of(context: Context, excerpts: Sequence[dict[str, Any]]) -> NDArray[np.float32] | None:
    """Make the images of excerpts, (n, bands, frames); those that have none are left out."""
    from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages

    images = []
    for about in excerpts:
        samples = read_reference(context, about["excerpt_id"], about["catalog"])
        try:
            images.append(PairImages(samples).reference[0, 0].numpy())
        except UnfitInputError:  # silence
            continue
    return np.stack(images) if images else None
