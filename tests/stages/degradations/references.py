"""A lake with a few stored references, for tests of the stages 3 and 4."""

from __future__ import annotations

from pathlib import Path

from musqa_pipeline.audio.files.flac import to_flac, to_int16
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.graph import get_stage
from tests.audio.music import INPUT_SAMPLES, music


def context_with_references(home: Path, *, n_references: int = 1, **degradations) -> Context:
    """Store references ``r0-0``, ``r1-0``… and return the context of their catalog."""
    preset = parse_preset("tiny", {"degradations": degradations})
    fingerprints = {"excerpts": "e" * 32}
    for stage in (get_stage("degradations"), get_stage("labels")):
        context = Context(home, preset, "songs", fingerprints)
        fingerprints = {**fingerprints, stage.name: stage.fingerprint(context)}
    context = Context(home, preset, "songs", fingerprints)
    for i in range(n_references):
        row = {
            "excerpt_id": f"r{i}-0",
            "track_id": f"r{i}",
            "index": 0,
            "start_s": 0.0,
            "source_lufs": -20.0,
            "gain_db": -3.0,
            "loudness_lufs": -23.0,
            "peak": 0.5,
            "n_clipped_samples": 0,
            "upper_edge_hz": 20_000.0,
            "tail_samples": 9_600,
            "tail_mirrored": False,
            "flac": to_flac(to_int16(music(INPUT_SAMPLES, seed=i + 1))),
        }
        context.lake.write(context.partition("excerpts"), f"r{i}-0", EXCERPTS.from_rows([row]))
    return context
