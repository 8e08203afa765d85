"""Test recordings in a lake where the stages before `segments` are done."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.dataset.table import SPLITS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.segments.settings import GanSettings
from musqa_pipeline.stages.segments.table import SEGMENTS
from tests.audio.music import music
from tests.audio.sounds import run_tracks, tracks_of, write

SETTINGS = {"networks": ["one"], "visqol": False}
FILES = {
    # file: part, genre
    "café.wav": ("test", "rock/band"),
    "mono.wav": ("test", "Rock"),
    "learned.wav": ("train", "Rock"),
}


def stereo(duration_s: float, seed: int = 1) -> np.ndarray:
    n = round(duration_s * 48_000)
    left = np.resize(music(seed=seed), n)
    return np.stack([left, np.roll(left, 480)], axis=1)


def fill(home: Path, folder: Path, **settings: object) -> Context:
    """Write a catalog, run stage 1 and split it; give the context of the stage `segments`."""
    write(folder / "café.wav", stereo(14.0), subtype="PCM_16")
    write(folder / "mono.wav", stereo(11.0, seed=2)[:, 0], 44_100, subtype="PCM_16")
    write(folder / "learned.wav", stereo(11.0, seed=3), subtype="PCM_16")
    with (folder / "tracks.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "genre", "recording"])
        rows.writerows([name, genre, f"song of {name}"] for name, (_, genre) in FILES.items())
    context = run_tracks(home, folder, catalogs=["c"])
    return split(context, **settings)


def split(context: Context, **settings: object) -> Context:
    """Give each track of the catalog its part."""
    preset = parse_preset(
        "test",
        {"catalogs": ["c"], "gan": {**SETTINGS, **settings}},
        sections={"gan": GanSettings},
    )
    context = replace(context, preset=preset, catalog=None)
    others = {"degradations": "3" * 32, "labels": "4" * 32, "splits": "5" * 32}
    context = replace(context, fingerprints={**context.fingerprints, **others})
    rows = [
        {
            "protocol": "three_way", "repetition": 0, "catalog": "c",
            "track_id": track["track_id"], "recording": track["recording"],
            "split_group": track["recording"], "part": FILES[file][0],
        }
        for file, track in tracks_of(replace(context, catalog="c")).items()
    ]  # fmt: skip
    partition = context.joint_partition("splits")
    context.lake.write(partition, "three_way", SPLITS.from_rows(rows))
    fingerprint = get_stage("segments").fingerprint(context)
    return replace(context, fingerprints={**context.fingerprints, "segments": fingerprint})


def stored(context: Context) -> list[dict]:
    partition = context.joint_partition("segments")
    return context.lake.scan(partition, SEGMENTS.schema).to_pylist()
