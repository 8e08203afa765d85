"""From a published set to its recipe: the rows, with hashes of what the lake holds."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.degradations.builds import builds_here
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.names import below
from musqa_pipeline.core.progress import StageProgress
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.release.rebuild.file import Head, Recipe, reference_hash
from musqa_pipeline.stages.degradations.sources import add_units, read_bitstreams
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.rows import CATALOG_STAGES
from musqa_pipeline.stages.views.published_set import Published

SECTIONS = ("excerpts", "degradations", "adaptive", "labels", "dataset")


def collect_recipe(published: Published) -> Recipe:
    """Collect the recipe of a published set."""
    context, rows = published.context, published.rows
    if not published.is_current:
        raise StageError(
            f"the published set of preset {context.preset.name} was made with other settings or "
            "versions of tools than are here now, so that a recipe could not say which; run "
            f"`musqa run --preset {context.preset.name}` again, or export where it was made"
        )
    plan = rows.select("catalog", "excerpt_id", "degraded_id").to_dicts()
    add_units(context, plan)
    hashes: dict[tuple[str, str], str] = {}
    with StageProgress("bitstreams", len(plan)) as progress:
        for key, row in read_bitstreams(context, plan):
            hashes[key] = digest_of(row["bitstream"])
            progress.advance(1)
    references: dict[tuple[str, str], str] = {}
    wanted = _names(rows)
    with StageProgress("references", len(wanted)) as progress:
        for name in wanted:
            references[name] = reference_hash(stored_samples(context, *name))
            progress.advance(1)
    names = rows.select("catalog", "excerpt_id", "degraded_id").rows()
    found = rows.with_columns(
        bitstream_hash=pl.Series([hashes[c, d] for c, _, d in names], dtype=pl.String),
        reference_hash=pl.Series([references[c, e] for c, e, _ in names], dtype=pl.String),
    )
    preset = context.preset
    head = Head(
        preset=preset.name,
        settings={name: preset.section(name) for name in SECTIONS},
        fingerprints={name: context.fingerprints[name] for name in (*CATALOG_STAGES, "dataset")},
        builds=builds_here(),
    )
    return Recipe(head, found)


def stored_samples(context: Context, catalog: str, excerpt_id: str) -> NDArray[np.int16]:
    """Read a stored reference with the tail that feeds encoders."""
    samples: NDArray[np.int16]
    flac = io.BytesIO(_stored_flac(context, catalog, excerpt_id))
    samples, _ = soundfile.read(flac, dtype="int16")
    return samples


def _stored_flac(context: Context, catalog: str, excerpt_id: str) -> bytes:
    table = context.lake.read(context.partition("excerpts", catalog), excerpt_id, ["flac"])
    content: bytes = table["flac"][0].as_py()
    return content


def write_references(published: Published, rows: pl.DataFrame, folder: Path) -> int:
    """Write the references that a recipe needs, with their tails, as FLAC."""
    names = _names(rows)
    for catalog, excerpt_id in names:
        write_whole(
            below(folder, catalog, f"{excerpt_id}.flac"),
            _stored_flac(published.context, catalog, excerpt_id),
        )
    return len(names)


def _names(rows: pl.DataFrame) -> list[tuple[str, str]]:
    found = rows.select("catalog", "excerpt_id").unique().sort("catalog", "excerpt_id").rows()
    return [(catalog, excerpt_id) for catalog, excerpt_id in found]
