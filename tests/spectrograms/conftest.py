"""A small lake: references with degraded rows, a dataset over two catalogs, and tiny shards."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from musqa_pipeline.audio import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.context import Context
from musqa_pipeline.dataset.table import DATASET
from musqa_pipeline.degradations.table import DEGRADATIONS
from musqa_pipeline.lake import Lake
from musqa_pipeline.settings import parse_preset
from musqa_pipeline.spectrograms.stage import SPECTROGRAMS_STAGE
from musqa_pipeline.spectrograms.table import SPECTROGRAMS
from musqa_pipeline.stages import run_stage

FINGERPRINTS = {"degradations": "d" * 32, "dataset": "5" * 32, "spectrograms": "6" * 32}
SMALL = {"n_mels": 24, "hop_length_samples": 4096, "rows_per_group": 2, "rows_per_shard": 5}
CATALOGS = ("north", "south")
N_EXCERPTS, N_ROWS = 3, 4


def flac_notes(frequency_hz: float) -> bytes:
    """480,000 samples of a note that is struck every half second, as 24-bit FLAC."""
    time_s = np.arange(EXCERPT_SAMPLES) / SAMPLE_RATE_HZ
    decay = np.exp(-8 * (time_s % 0.5))
    note = sum(np.sin(2 * np.pi * k * frequency_hz * time_s) / k for k in (1, 2, 3))
    stream = io.BytesIO()
    sf.write(stream, 0.1 * decay * note, SAMPLE_RATE_HZ, subtype="PCM_24", format="FLAC")
    return stream.getvalue()


def degraded_row(excerpt_id: str, process: int, bitstream: bytes) -> dict[str, object]:
    return {
        "degraded_id": f"{excerpt_id}-{process}",
        "excerpt_id": excerpt_id,
        "process": str(process),
        "kind": "single",
        "depth": 1,
        "first_id": process,
        "first_name": "lowpass",
        "last_id": process,
        "last_name": "lowpass",
        "in_pool": True,
        "container": "flac",
        "bitstream": bitstream,
        "bitstream_bytes": len(bitstream),
        "delay_samples": 0,
        "gain_db": 6.0,
        "loudness_lufs": -23.0,
        "n_over_full_scale": 0,
        "pcm_hash": "",
        "encoder": "test",
    }


def dataset_row(catalog: str, number: int, process: int) -> dict[str, object]:
    excerpt_id = f"{number:016x}-0"
    return {
        "degraded_id": f"{excerpt_id}-{process}",
        "excerpt_id": excerpt_id,
        "track_id": f"{number:016x}",
        "catalog": catalog,
        "recording": f"recording {number}",
        "split_group": f"group {number}",
        "part": ("train", "validation", "test")[number],
        "uniform_draw": process != 2,
        "natural_mix": number == 2 and process >= 2,
        "trusted": process != 3,
        "bin": process,
        "mos": 1.5 + 0.5 * process + 0.1 * number,
        "quality": (0.5 + 0.5 * process + 0.1 * number) / 4,
    }


def small_context(home: Path, **settings: object) -> Context:
    preset = parse_preset(
        "small", {"catalogs": list(CATALOGS), "spectrograms": {**SMALL, **settings}}
    )
    return Context(home, preset, None, FINGERPRINTS)


@pytest.fixture(scope="session")
def bitstreams() -> dict[tuple[str, int, int], bytes]:
    """A note of its own for each row; the same ids in both catalogs."""
    return {
        (catalog, number, process): flac_notes(200 + 1500 * c + 400 * number + 90 * process)
        for c, catalog in enumerate(CATALOGS)
        for number in range(N_EXCERPTS)
        for process in range(N_ROWS)
    }


@pytest.fixture
def context(home: Path, bitstreams: dict[tuple[str, int, int], bytes]) -> Context:
    """A lake that holds all that the stage reads."""
    return fill_lake(small_context(home), bitstreams)


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, bitstreams: dict[tuple[str, int, int], bytes]
) -> Path:
    """The same lake after the stage; not to be changed."""
    context = fill_lake(small_context(tmp_path_factory.mktemp("made")), bitstreams)
    run_stage(SPECTROGRAMS_STAGE, context)
    return context.home


@pytest.fixture
def done(home: Path, made_once: Path) -> Context:
    """A copy of its dataset and shards."""
    for stage in ("dataset", "spectrograms"):
        shutil.copytree(made_once / "lake" / stage, home / "lake" / stage)
    return small_context(home)


def fill_lake(context: Context, bitstreams: dict[tuple[str, int, int], bytes]) -> Context:
    rows = []
    for catalog in CATALOGS:
        for number in range(N_EXCERPTS):
            excerpt_id = f"{number:016x}-0"
            context.lake.write(
                context.shelf("degradations", catalog),
                f"{excerpt_id}-n3",
                DEGRADATIONS.from_rows(
                    degraded_row(excerpt_id, process, bitstreams[catalog, number, process])
                    for process in range(N_ROWS)
                ),
                row_group_rows=1,
                compression="none",
            )
            rows += [dataset_row(catalog, number, process) for process in range(N_ROWS)]
    context.lake.write(context.joint_shelf("dataset"), "dataset", DATASET.from_rows(rows))
    return context


@dataclass(frozen=True)
class TinyShards:
    """Shards of tiny images that tell which row they are."""

    files: list[Path]
    images: dict[str, np.ndarray]
    """Stored cells by degraded_id."""


def write_tiny_shards(
    lake: Lake,
    *,
    n_shards: int = 4,
    rows_per_shard: int = 20,
    rows_per_group: int = 5,
    part: str = "train",
    dtype: str = "uint8",
    shape: tuple[int, int] = (6, 4),
) -> TinyShards:
    shelf = small_context(lake.root).joint_shelf("spectrograms")
    files, images = [], {}
    for shard in range(n_shards):
        rows = []
        for place in range(rows_per_shard):
            row = shard * rows_per_shard + place
            image = np.random.default_rng(row).random(shape)
            cells = (image * 255).astype(np.uint8) if dtype == "uint8" else image.astype(dtype)
            images[f"{row:04d}-0-1"] = cells
            rows.append(
                {
                    "degraded_id": f"{row:04d}-0-1",
                    "excerpt_id": f"{row:04d}-0",
                    "catalog": "north",
                    "part": part,
                    "uniform_draw": row % 3 != 0 or part != "test",
                    "natural_mix": row % 3 == 0 and part == "test",
                    "trusted": True,
                    "mos": 1.0 + 4 * row / 1000,
                    "quality": row / 1000,
                    "n_frames": shape[0],
                    "n_bands": shape[1],
                    "dtype": dtype,
                    "image": cells.tobytes(),
                    "max_db": 50.0,
                    "min_db": -30.0,
                    "storage_error": 0.001,
                    "upper_edge_hz": 15_000.0,
                    "looped": False,
                }
            )
        table = SPECTROGRAMS.from_rows(rows)
        unit_id = f"{part}-{shard:05d}"
        files.append(lake.write(shelf, unit_id, table, row_group_rows=rows_per_group))
    return TinyShards(files, images)


@pytest.fixture
def tiny(lake: Lake) -> TinyShards:
    """80 rows of training in 16 row groups."""
    return write_tiny_shards(lake)
