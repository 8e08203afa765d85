"""A lake with everything that the evaluation reads, written by hand: ten tracks, a tiny network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.audio.files.flac import to_flac
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.settings.dataset import DatasetSettings
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.learning.entry import InputSpec, ModelEntry
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training.checkpoint import write_json, write_weights
from musqa_pipeline.stages.dataset.table import DATASET, SPLITS
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.models.stage import unit_id_of
from musqa_pipeline.stages.models.table import RUNS
from musqa_pipeline.stages.spectrograms.features.table import FEATURES
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS
from musqa_pipeline.stages.tracks.table import TRACKS
from tests.stages.evaluation.made_up import made_up_run

PARTS = ["train"] * 5 + ["validation"] + ["test"] * 4
PROCESSES = {
    "42": ("lowpass", None, 3500.0, 0.30),
    "12": ("mp3", 96.0, None, 0.75),
    "12_42": ("lowpass", None, 3500.0, 0.20),
}
SPEC = InputSpec(n_frames=4, n_bands=2)
PRESET = Preset(
    name="small",
    catalogs=("music",),
    models=ModelsSettings(names=("brightness", "late")),
    dataset=DatasetSettings(n_bins=4),
    evaluation=EvaluationSettings(n_bootstrap=100, n_worst=1),
)
STAGES = ("tracks", "excerpts", "degradations", "labels", "splits", "dataset", "spectrograms",
          "features", "models", "trials", "evaluation")  # fmt: skip


class Brightness(nn.Module):
    """Predicts the mean of an image, plus a bias that stands for training."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((1, 2)) + self.bias


ENTRY = ModelEntry("brightness", lambda settings: Brightness(), SPEC)


def small_lake(home: Path, *, bias: float = 0.05, preset: Preset = PRESET) -> Context:
    """Write the lake; images of test rows are as bright as their quality."""
    MODELS.setdefault("brightness", ENTRY)
    context = Context(home, preset, None, {s: f"{i:x}" * 32 for i, s in enumerate(STAGES)})
    music = home / "music"
    music.mkdir(parents=True)
    (music / "a.wav").write_bytes(b"RIFF")
    add_catalog(home, music, "music")
    rows = [row for number in range(len(PARTS)) for row in _write_track(context, number)]
    lake = context.lake
    lake.write(
        context.partition("tracks", "music").quarantine, "bad",
        QUARANTINE.from_rows([dict.fromkeys(QUARANTINE.schema.names, "x")]),
    )  # fmt: skip
    splits = {
        row["track_id"]: {n: row.get(n, 0) for n in SPLITS.schema.names}
        | {"protocol": "three_way", "repetition": 0}
        for row in rows
    }
    lake.write(context.joint_partition("splits"), "three_way", SPLITS.from_rows(splits.values()))
    dataset = [{n: row[n] for n in DATASET.schema.names} for row in rows]
    lake.write(context.joint_partition("dataset"), "dataset", DATASET.from_rows(dataset))
    for part in dict.fromkeys(PARTS):
        images = [_image_row(row) for row in rows if row["part"] == part]
        lake.write(
            context.joint_partition("spectrograms"), f"{part}-00000",
            SPECTROGRAMS.from_rows(images), row_group_rows=4,
        )  # fmt: skip
        lake.write(
            context.joint_partition("features"), f"{part}-00000",
            FEATURES.from_rows([_feature_row(row) for row in rows if row["part"] == part]),
        )  # fmt: skip
    write_run(context, "brightness", finished=True, bias=bias)
    write_run(context, "late", finished=False, bias=0.0)
    return context


def _write_track(context: Context, number: int) -> list[dict[str, object]]:
    """Write stages 1-4 of one track and return its rows of the dataset."""
    lake, track_id = context.lake, f"{number:016x}"
    excerpt_id, dark = f"{track_id}-0", number == 7
    track = {c.name: _filler(c) for c in TRACKS.columns} | {
        "track_id": track_id, "unit_id": f"u{number}", "file": f"song {number}.flac",
        "pcm_hash": f"{number:032x}", "recording": f"recording {number}", "artist": "",
        "genre": ("rock", "piano/solo")[number % 2], "tier": "lossless", "role": "",
        "verdict": "usable", "flags": [],
    }  # fmt: skip
    lake.write(context.partition("tracks", "music"), f"u{number}", TRACKS.from_rows([track]))
    rng = np.random.default_rng(number)
    signs = rng.choice([-3000, 3000], (EXCERPT_SAMPLES + TAIL_SAMPLES) // 400)
    samples = np.repeat(signs, 400).astype(np.int16)
    excerpt = {c.name: _filler(c) for c in EXCERPTS.columns} | {
        "excerpt_id": excerpt_id, "track_id": track_id, "index": 0, "flac": to_flac(samples),
    }  # fmt: skip
    lake.write(context.partition("excerpts", "music"), excerpt_id, EXCERPTS.from_rows([excerpt]))
    made, labelled, rows = [], [], []
    for process, (name, kbps, cutoff, quality) in PROCESSES.items():
        quality = 0.9 if dark and cutoff else quality + 0.01 * number
        row = {"degraded_id": f"{excerpt_id}-{process}", "excerpt_id": excerpt_id}
        made.append(
            {c.name: _filler(c) for c in DEGRADATIONS.columns}
            | row
            | {
                "process": process, "kind": "cascade" if "_" in process else "single",
                "depth": process.count("_") + 1, "first_name": "mp3" if "_" in process else name,
                "first_bitrate_kbps": 96.0 if "_" in process else kbps, "last_name": name,
                "last_bitrate_kbps": kbps, "last_cutoff_hz": cutoff, "first_cutoff_hz": None,
                "first_params": None, "last_params": None,
                "in_pool": True, "container": "flac", "delay_samples": 0, "gain_db": 0.0,
                "bitstream": to_flac(samples[:EXCERPT_SAMPLES] // 2), "identical_to": None,
            }
        )  # fmt: skip
        label = row | {"mos": 1 + 4 * quality, "quality": quality}
        labelled.append({c.name: _filler(c) for c in LABELS.columns} | label)
        rows.append(
            label
            | {
                "track_id": track_id, "catalog": "music", "recording": f"recording {number}",
                "split_group": track_id, "part": PARTS[number], "uniform_draw": process != "12_42",
                "natural_mix": PARTS[number] == "test", "trusted": True, "bin": 0,
                "edge": 2_000 + 15_000 * quality,
            }
        )  # fmt: skip
    lake.write(
        context.partition("degradations", "music"), f"{excerpt_id}-n1", DEGRADATIONS.from_rows(made)
    )
    lake.write(context.partition("labels", "music"), f"{excerpt_id}-n1", LABELS.from_rows(labelled))
    return rows


def _image_row(row: dict[str, object]) -> dict[str, object]:
    cells = np.full((SPEC.n_frames, SPEC.n_bands), row["quality"], np.float16)
    base = {c.name: row[c.name] if c.name in row else _filler(c) for c in SPECTROGRAMS.columns}
    return base | {
        "n_frames": SPEC.n_frames, "n_bands": SPEC.n_bands, "dtype": "float16",
        "image": cells.tobytes(), "upper_edge_hz": row["edge"],
    }  # fmt: skip


def _feature_row(row: dict[str, object]) -> dict[str, object]:
    rng = np.random.default_rng(int(1000 * row["quality"]))
    base = {c.name: row[c.name] if c.name in row else _filler(c) for c in FEATURES.columns}
    noise = {name: row["quality"] + 0.1 * rng.normal() for name in DESCRIPTORS}
    return base | noise | {"upper_edge_hz": row["edge"]}


def write_run(context: Context, model: str, *, finished: bool, bias: float) -> None:
    partition = context.joint_partition("models")
    unit = unit_id_of(context, model)
    folder = context.lake.folder(partition) / unit
    settings = context.preset.section("models")
    write_json(folder / "settings.json", {"model": model, "settings": settings})
    write_weights(folder / "weights.pt", {"bias": torch.tensor(bias)})
    row = made_up_run(model, finished=finished) | {
        "folder": folder.relative_to(context.lake.root).as_posix(),
        "settings_json": json.dumps(settings),
    }
    context.lake.write(partition, unit, RUNS.from_rows([row]))


def _filler(column: object) -> object:
    """A value of the right type for a column that no test looks at."""
    kind = str(column.type)
    if kind.startswith("list"):
        return []
    return {"string": "x", "bool": False, "binary": b""}.get(kind, 1)
