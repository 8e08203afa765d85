"""Small made-up recordings and a catalog stage run in a few lines, for tests of stages 1 and 2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.tracks.duplicates import mark_duplicates, read_tracks

RATE_HZ = 48_000


def noise(
    duration_s: float = 10.5,
    *,
    rate_hz: int = RATE_HZ,
    channels: int = 1,
    seed: int = 0,
    level: float = 0.1,
) -> np.ndarray:
    """Gaussian noise that swells, float32 (frames, channels), the channels half alike."""
    rng = np.random.default_rng(seed)
    frames = round(duration_s * rate_hz)
    common = rng.standard_normal((frames, 1), dtype=np.float32)
    own = rng.standard_normal((frames, channels), dtype=np.float32)
    swell = 0.6 + 0.4 * np.sin(np.linspace(0, 30, frames, dtype=np.float32))[:, None]
    return (level * swell * (common + own) / 2).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ, **kwargs: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:  # by handle: soundfile refuses names that are no UTF-8
        kwargs.setdefault("format", path.suffix[1:].upper())
        soundfile.write(stream, samples, rate_hz, **kwargs)
    return path


def run_tracks(home: Path, folder: Path, **sections: dict) -> Context:
    """Add `folder` as catalog `c`, run stage 1 on it and mark duplicates."""
    add_catalog(home, folder, "c")
    context = Context(home, parse_preset("test", sections), "c", {})
    context = replace(context, fingerprints={"tracks": get_stage("tracks").fingerprint(context)})
    run_stage(get_stage("tracks"), context)
    mark_duplicates(context)
    fingerprints = {**context.fingerprints, "excerpts": get_stage("excerpts").fingerprint(context)}
    return replace(context, fingerprints=fingerprints)


def tracks_of(context: Context) -> dict[str, dict]:
    """Rows of `tracks` by file."""
    return {row["file"]: row for row in read_tracks(context).to_pylist()}


def quarantine_of(context: Context, stage: str = "tracks") -> dict[str, dict]:
    """Rows of `quarantine` by file."""
    partition = context.partition(stage).quarantine
    return {row["file"]: row for row in context.lake.scan(partition, QUARANTINE.schema).to_pylist()}
