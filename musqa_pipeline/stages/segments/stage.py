"""The stage `segments`: one unit per segment of a test recording, one row per version of it.

Nothing is stored but how each version is made and what it measures. While `[gan] networks` names
none there is no unit.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.intensity import MASTER_LUFS, Stereo
from musqa_pipeline.audio.excerpts.segments import (
    SEGMENT_SAMPLES,
    gain_to_level_db,
    n_segments,
    read_segment,
    segment_starts,
)
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.audio.metrics.registry import find_opinion, open_metric
from musqa_pipeline.audio.metrics.score import Metric, SecondMetric
from musqa_pipeline.core.errors import StageError, ToolError, UnfitInputError
from musqa_pipeline.learning.gan.segments import is_silent
from musqa_pipeline.scoring.model_file import SHIPPED_DIGEST
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.excerpts.stage import check_unchanged, file_state
from musqa_pipeline.stages.segments.table import SEGMENTS
from musqa_pipeline.stages.segments.tracks import gan_settings, original_tracks, wants_segments
from musqa_pipeline.stages.segments.versions import (
    IMAGE_RATE_HZ,
    ORIGINAL,
    at_gain,
    make_version,
    measures,
    musqa_net_quality,
    pcm_hash,
    plan_versions,
)

AS_IS = "as_is"


def list_units(context: Context) -> list[Unit]:
    """List the segments of the test recordings."""
    if not wants_segments(context.preset):
        return []
    settings = gan_settings(context.preset)
    units = []
    for track in _test_tracks(context):
        path, rate_hz = track["path"], track["sample_rate_hz"]
        n_frames = round(track["duration_s"] * rate_hz)
        n_in_track = max(1, n_segments(n_frames, rate_hz, settings.n_per_track))
        for index in range(n_in_track):
            segment_id = f"{track['track_id']}-{index}"
            plan = {
                **track,
                "segment_id": segment_id,
                "seen": file_state(path),
                "index": index,
                "n_in_track": n_in_track,
                "n_frames": n_frames,
            }
            what = f"segment {index} of {track['file']} in {track['catalog']}"
            units.append(Unit(f"{track['catalog']}.{segment_id}", what, plan))
    return units


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Make all versions of a segment, measure them, and keep how they were made.

    Raises UnfitInputError if the track is shorter than a segment, silent or constant wherever it
    was tried, of more than two channels, or changed since stage 1.
    """
    plan, settings = unit.plan, gan_settings(context.preset)
    check_unchanged(plan)
    start_frame, samples = _first_that_sounds(plan, settings.seed)
    gain_db = 0.0
    if settings.level != AS_IS:
        about = {"track_lufs": plan["loudness_lufs"], "channels": plan["channels"]}
        gain_db = gain_to_level_db(samples, MASTER_LUFS, **about)
    original = at_gain(samples, gain_db)
    judges = _judges(original.mean(axis=1)) if settings.visqol else {}
    rows = []
    for version in plan_versions(plan["segment_id"], settings.seed):
        made = make_version(original, version.kind, version.params)
        rows.append(
            {
                **{name: plan[name] for name in ("segment_id", "catalog", "track_id", "recording")},
                "genre": plan["genre"],
                "start_frame": start_frame,
                "sample_rate_hz": plan["sample_rate_hz"],
                "gain_db": gain_db,
                **version.columns(),
                "pcm_hash": pcm_hash(made),
                **measures(made, original),
                **{name: judge.score(made.mean(axis=1)).mos for name, judge in judges.items()},
                "musqa_net": musqa_net_quality(made),
                "rating": plan["mos"] if version.kind == ORIGINAL else None,
            }
        )
    return SEGMENTS.from_rows(rows)


def _judges(original: NDArray[np.float32]) -> dict[str, Metric | SecondMetric]:
    """Bind the metrics that need the original, mono, by the column that they fill."""
    judges: dict[str, Metric | SecondMetric] = {
        "visqol_mos": open_metric(original, metric="visqol", device="cpu")
    }
    with contextlib.suppress(ToolError):  # an extra that need not be there
        judges["zimtohrli_mos"] = find_opinion("zimtohrli")(original)
    return judges


def _test_tracks(context: Context) -> list[dict[str, Any]]:
    """Return the clean tracks of the test part."""
    tested = [track for track in original_tracks(context) if track["part"] == "test"]
    if not tested:
        raise StageError(
            "segments: no clean track is in the test part; set role=test for some in their "
            "catalogs' tracks.csv, or take [gan] out of the preset"
        )
    return tested


def _first_that_sounds(plan: Mapping[str, Any], seed: int) -> tuple[int, Stereo]:
    rate_hz = plan["sample_rate_hz"]
    starts = segment_starts(
        n_frames=plan["n_frames"],
        sample_rate_hz=rate_hz,
        n_in_track=plan["n_in_track"],
        index=plan["index"],
        seed=seed,
        track_id=plan["track_id"],
    )
    for start_frame in starts:
        samples = read_segment(Path(plan["path"]), start_frame=start_frame, sample_rate_hz=rate_hz)
        sounds = not is_silent(pcm_at_rate(samples, IMAGE_RATE_HZ))
        if sounds and math.isfinite(integrated_lufs(samples)):
            return start_frame, samples
    raise UnfitInputError(
        "silent",
        f"none of {len(starts)} segments of {SEGMENT_SAMPLES / SAMPLE_RATE_HZ:g} s that were tried "
        "sounds: each is silent or constant",
        "take the silence out of the track, or the track out of the test part",
    )


def _wanted(context: Context) -> dict[str, bool | str]:
    """Tell presets without networks apart, whose units are none; say which model others ask."""
    wanted = wants_segments(context.preset)
    return {"wanted": wanted} | ({"musqa_net": SHIPPED_DIGEST} if wanted else {})


SEGMENTS_MAKER = Maker(
    version=2,
    tools=(
        "torch",
        "numba",
        "numpy",
        "scipy",
        "soundfile",
        "soxr",
        "av",
        "pyloudnorm",
        "visqol-python",
        "zimtohrli",
    ),
    units=list_units,
    make=make_unit,
    also=_wanted,
)
