"""Autoencoders that train in seconds, on excerpts of three tracks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from musqa_pipeline.audio.files.flac import to_flac, to_int16
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.autoencoders.settings import RepresentationsSettings
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage
from tests.audio.music import INPUT_SAMPLES, music
from tests.stages.segments.small_catalog import fill, tracks_of

TINY = {
    "losses": ["mse"], "n_seeds": 1, "n_channels": 2, "n_latents": 2, "side": 128, "batch_size": 8,
    "steps": 1, "checkpoint_steps": 1, "visqol": "none",
}  # fmt: skip


def filled(folder: Path) -> Context:
    """Run stage 1 on a small catalog, split it, and store an excerpt of each track."""
    (folder / "music").mkdir()
    context = fill(folder, folder / "music")
    for seed, track in enumerate(tracks_of(dataclasses.replace(context, catalog="c")).values()):
        excerpt_id = f"{track['track_id']}-0"
        row = {
            "excerpt_id": excerpt_id, "track_id": track["track_id"], "index": 0, "start_s": 0.0,
            "source_lufs": -20.0, "gain_db": 0.0, "loudness_lufs": -23.0, "peak": 0.5,
            "n_clipped_samples": 0, "upper_edge_hz": 20_000.0, "tail_samples": 9_600,
            "tail_mirrored": False,
            "flac": to_flac(to_int16(music(INPUT_SAMPLES, seed=seed))),
        }  # fmt: skip
        context.lake.write(
            context.partition("excerpts", "c"), excerpt_id, EXCERPTS.from_rows([row])
        )
    return with_settings(context)


def with_settings(context: Context, **settings: object) -> Context:
    """Give a context another section, and the stages their fingerprints."""
    preset = parse_preset(
        "test",
        {"catalogs": ["c"], "representations": TINY | settings},
        sections={"representations": RepresentationsSettings},
    )
    context = dataclasses.replace(context, preset=preset)
    for name in ("autoencoders", "reconstructions", "genres"):
        fingerprint = get_stage(name).fingerprint(context)
        fingerprints = {**context.fingerprints, name: fingerprint}
        context = dataclasses.replace(context, fingerprints=fingerprints)
    return context
