"""The stage `gan_scores`: one unit per segment, one row per version of it and training of a GAN.

A unit's id says which trainings answered, so that another one makes all scores again and nothing
else; versions are made from their rows in `segments`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.gan_scores.table import GAN_SCORES
from musqa_pipeline.stages.gans.stage import list_units as list_trainings
from musqa_pipeline.stages.models.training import finished_trainings
from musqa_pipeline.stages.segments.table import SEGMENTS
from musqa_pipeline.stages.segments.tracks import gan_settings, paths_of, wants_segments
from musqa_pipeline.stages.segments.versions import rebuild

if TYPE_CHECKING:
    from musqa_pipeline.learning.gan.critic import Critic, Kind

_ABOUT = (
    "version_id", "segment_id", "catalog", "recording", "genre", "kind", "draw", "intensity",
)  # fmt: skip


def list_units(context: Context) -> list[Unit]:
    """List the segments that are there, to be scored by the trainings that are finished."""
    if not wants_segments(context.preset):
        return []
    runs = finished_runs(context)
    if not runs:
        return []
    by = digest([[run["training"] for run in runs], gan_settings(context.preset).critic])[:8]
    paths = paths_of(context)
    columns = ["catalog", "track_id", "segment_id"]
    segments = context.lake.scan(
        context.joint_partition("segments"), SEGMENTS.schema, columns=columns
    )
    units = []
    for catalog, track_id, segment_id in sorted({tuple(s.values()) for s in segments.to_pylist()}):
        done = f"{catalog}.{segment_id}"
        plan = {"segments_unit": done, "path": paths.get((catalog, track_id)), "runs": runs}
        units.append(Unit(f"{done}-{by}", f"segment {segment_id}", plan))
    return units


def finished_runs(context: Context) -> list[dict[str, Any]]:
    """Return the trainings that the preset wants and that are finished, in a fixed order."""
    return finished_trainings(
        context, "gans", list_trainings(context), ("network", "seed", "classes")
    )


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Make the versions of a segment again, and let each training score them.

    Raises StageError if the track is gone.
    """
    plan = unit.plan
    versions = context.lake.read(
        context.joint_partition("segments"), plan["segments_unit"], SEGMENTS.schema.names
    ).to_pylist()
    if plan["path"] is None:
        raise StageError(
            f"gan_scores: the track of {plan['segments_unit']} is gone; put it back, or run the "
            "stages tracks to segments again"
        )
    made = [rebuild(Path(plan["path"]), row) for row in versions]
    settings = gan_settings(context.preset)
    rows: list[dict[str, Any]] = []
    for run in plan["runs"]:
        folder = context.lake.local_folder(context.joint_partition("gans"), run["training"])
        critic = _critic(folder, settings.critic, context.preset.models.device)
        rate_hz = critic.settings.images.sample_rate_hz
        pcm = np.stack([pcm_at_rate(samples, rate_hz) for samples in made])
        about = {name: run[name] for name in ("network", "seed", "training")}
        about["critic"] = settings.critic
        for version, said in zip(
            versions, _said(critic, pcm, versions[0]["genre"], run["classes"]), strict=True
        ):
            rows.append({**{name: version[name] for name in _ABOUT}, **about, **said})
    return GAN_SCORES.from_rows(rows)


def _said(
    critic: Critic, pcm: NDArray[np.int16], genre: str, classes: Sequence[str]
) -> list[dict[str, float]]:
    """Score versions of a segment as its genre, and as the mean genre."""
    mean_genre = critic.score(pcm)
    known = genre in classes
    own = critic.score(pcm, [classes.index(genre)] * len(pcm)) if known else mean_genre
    return [
        {"score": float(score), "mean_genre_score": float(mean)}
        for score, mean in zip(own, mean_genre, strict=True)
    ]


@functools.lru_cache(maxsize=32)
def _critic(folder: Path, kind: Kind, device: str) -> Critic:
    from musqa_pipeline.learning.gan.critic import critic_of_run

    return critic_of_run(folder, kind).to(device)


GAN_SCORES_MAKER = Maker(
    version=1,
    tools=("torch", "soxr", "numba", "scipy"),
    units=list_units,
    make=make_unit,
)
