"""Stage 2, `excerpts`: 10 s references, mono, 48 kHz, 16 bit, at one loudness."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.excerpts.cut import (
    candidate_starts,
    find_window,
    level,
    middle_start,
    n_excerpts,
)
from musqa_pipeline.audio.files.flac import reference_audio, to_flac
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.tracks.duplicates import read_tracks
from musqa_pipeline.stages.tracks.verdict import USABLE


def list_units(context: Context) -> list[Unit]:
    """List the excerpts of the tracks that may serve."""
    assert context.catalog is not None
    settings = context.preset.excerpts
    files = identified_files(context.home, context.catalog)
    paths = {unit_id: os.fspath(entry.path) for unit_id, entry in files}
    units = []
    for track in read_tracks(context).to_pylist():
        if track["verdict"] != USABLE and settings.flagged_tracks == "exclude":
            continue
        n_in_track = n_excerpts(track["duration_s"], settings.n_per_track)
        path = paths.get(track["unit_id"])
        for index in range(n_in_track):
            plan = {
                "track_id": track["track_id"],
                "file": track["file"],
                "path": path,
                "seen": file_state(path),
                "index": index,
                "n_in_track": n_in_track,
                "n_frames": round(track["duration_s"] * track["sample_rate_hz"]),
                "sample_rate_hz": track["sample_rate_hz"],
                "track_lufs": track["loudness_lufs"],
            }
            excerpt_id = f"{track['track_id']}-{index}"
            units.append(Unit(excerpt_id, f"{excerpt_id} of {track['file']}", plan))
    return units


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Cut one excerpt.

    Raises UnfitInputError if the file changed or vanished since stage 1, or no window is loud
    enough.
    """
    settings, plan = context.preset.excerpts, unit.plan
    check_unchanged(plan)
    of_track = {k: plan[k] for k in ("n_frames", "sample_rate_hz", "n_in_track", "index")}
    starts = (
        [middle_start(**of_track)]
        if settings.place == "middle"
        else candidate_starts(**of_track, seed=settings.seed, track_id=plan["track_id"])
    )
    try:
        window = find_window(
            Path(plan["path"]),
            starts,
            sample_rate_hz=plan["sample_rate_hz"],
            least_lufs=plan["track_lufs"] - settings.max_below_track_lu,
        )
    except UnfitInputError as error:
        raise UnfitInputError(
            "cannot_decode",
            error.detail,
            "the file decoded in stage 1: check the disk, run again",
            passing=True,
        ) from error
    if window is None:
        raise UnfitInputError(
            "no_loud_window",
            f"none of {len(starts)} windows is within {settings.max_below_track_lu:g} LU of the "
            f"track's {plan['track_lufs']:.1f} LUFS, as a mono mix",
            "raise excerpts.max_below_track_lu, or take the track out",
        )
    excerpt = level(window, settings.target_lufs)
    flac = to_flac(excerpt.samples)
    row = {
        "excerpt_id": unit.unit_id,
        "track_id": plan["track_id"],
        "index": plan["index"],
        "start_s": window.start_frame / plan["sample_rate_hz"],
        "source_lufs": window.lufs,
        "gain_db": excerpt.gain_db,
        "loudness_lufs": excerpt.loudness_lufs,
        "peak": excerpt.peak,
        "n_clipped_samples": excerpt.n_clipped_samples,
        "upper_edge_hz": upper_edge_hz(reference_audio(flac)[:EXCERPT_SAMPLES], SAMPLE_RATE_HZ),
        "tail_samples": TAIL_SAMPLES,
        "tail_mirrored": window.tail_mirrored,
        "flac": flac,
    }
    return EXCERPTS.from_rows([row])


def file_state(path: str | None) -> tuple[int, int] | None:
    """Return size and modification time of a file, None if it cannot be seen."""
    if path is None:
        return None
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def check_unchanged(plan: Any) -> None:
    """Raise UnfitInputError if a planned file is gone, or not as it was when it was listed."""
    advice = "run stage tracks again: it looks at the catalog anew"
    if plan["path"] is None or plan["seen"] is None:
        raise UnfitInputError(
            "file_changed", f"{plan['file']} is gone or changed since stage 1", advice, passing=True
        )
    if file_state(plan["path"]) != tuple(plan["seen"]):
        raise UnfitInputError(
            "file_changed", f"{plan['file']} changed during the run", advice, passing=True
        )


EXCERPTS_MAKER = Maker(
    version=1,
    tools=("numpy", "scipy", "soundfile", "av", "soxr", "pyloudnorm"),
    units=list_units,
    make=make_unit,
    compression="none",
)
