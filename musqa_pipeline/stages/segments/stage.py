"""The stage `segments`: one unit per segment of a test recording, one row per version of it.

Nothing is stored but how each version is made and what it measures. While `[gan] networks` names
none there is no unit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.intensity import MASTER_LUFS, Stereo
from musqa_pipeline.audio.excerpts.segments import (
    SEGMENT_SAMPLES,
    gain_to_level_db,
    n_segments,
    read_segment,
    segment_starts,
)
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.audio.metrics.registry import open_metric
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.core.errors import StageError, UnfitInputError
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_splits
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.excerpts.stage import check_unchanged, file_state
from musqa_pipeline.stages.segments.genres import genre_classes
from musqa_pipeline.stages.segments.settings import GanSettings
from musqa_pipeline.stages.segments.table import SEGMENTS
from musqa_pipeline.stages.segments.versions import (
    at_gain,
    make_version,
    measures,
    pcm_hash,
    plan_versions,
)
from musqa_pipeline.stages.tracks.verdict import USABLE

AS_IS = "as_is"
_TRACK_COLUMNS = (
    "catalog", "track_id", "file", "recording", "duration_s", "sample_rate_hz", "channels",
    "loudness_lufs",
)  # fmt: skip


def gan_settings(preset: Preset) -> GanSettings:
    """Return the section ``[gan]`` of a preset."""
    settings = preset.further["gan"]
    assert isinstance(settings, GanSettings)
    return settings


def wants_segments(preset: Preset) -> bool:
    """Tell whether a preset asks for scores of segments."""
    return bool(gan_settings(preset).networks)


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

    Raises UnfitInputError if the track is shorter than a segment, silent wherever it was tried, of
    more than two channels, or changed since stage 1.
    """
    plan, settings = unit.plan, gan_settings(context.preset)
    check_unchanged(plan)
    start_frame, samples = _first_that_sounds(plan, settings.seed)
    gain_db = 0.0
    if settings.level != AS_IS:
        about = {"track_lufs": plan["loudness_lufs"], "channels": plan["channels"]}
        gain_db = gain_to_level_db(samples, MASTER_LUFS, **about)
    original = at_gain(samples, gain_db)
    judge = (
        open_metric(original.mean(axis=1), metric="visqol", device="cpu")
        if settings.visqol
        else None
    )
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
                "visqol_mos": judge.score(made.mean(axis=1)).mos if judge else None,
            }
        )
    return SEGMENTS.from_rows(rows)


def _test_tracks(context: Context) -> Iterator[dict[str, Any]]:
    """Yield the tracks of the test part that are clean, with class and path, in a fixed order."""
    if context.preset.dataset.protocol not in context.lake.done(context.joint_partition("splits")):
        raise StageError("segments: there are no splits yet; run the stage splits first")
    seen = read_seen_tracks(context)
    parts = read_splits(context).select("catalog", "track_id", "part")
    tracks = seen.join(parts, on=["catalog", "track_id"], how="inner", maintain_order="left")
    rows = tracks.to_dicts()
    classes = genre_classes(rows, gan_settings(context.preset).genres)
    tested = [row for row in rows if row["part"] == "test" and _is_original(context.preset, row)]
    if not tested:
        raise StageError(
            "segments: no clean track is in the test part; set role=test for some in their "
            "catalogs' tracks.csv, or take [gan] out of the preset"
        )
    paths = {
        (catalog, unit_id): os.fspath(entry.path)
        for catalog in {row["catalog"] for row in tested}
        for unit_id, entry in identified_files(context.home, catalog)
    }
    for row in tested:
        yield {
            **{name: row[name] for name in _TRACK_COLUMNS},
            "genre": classes[row["catalog"], row["track_id"]],
            "path": paths.get((row["catalog"], row["unit_id"])),
        }


def _is_original(preset: Preset, track: Mapping[str, Any]) -> bool:
    """Whether a track is music as it was produced: no darker copy, and not flagged."""
    flagged_serve = preset.excerpts.flagged_tracks == "include"
    return track["tier"] != COPY_TIER and (track["verdict"] == USABLE or flagged_serve)


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
        if math.isfinite(integrated_lufs(samples)):
            return start_frame, samples
    raise UnfitInputError(
        "silent",
        f"none of {len(starts)} segments of {SEGMENT_SAMPLES / SAMPLE_RATE_HZ:g} s that were tried "
        "has a loudness",
        "take the silence out of the track, or the track out of the test part",
    )


def _wanted(context: Context) -> dict[str, bool]:
    """Tell presets without networks apart, whose units are none."""
    return {"wanted": wants_segments(context.preset)}


SEGMENTS_MAKER = Maker(
    version=1,
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
    ),
    units=list_units,
    make=make_unit,
    also=_wanted,
)
