"""A small dataset: a note of its own for each row, in two catalogs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile as sf

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context

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


def fill_lake(context: Context, bitstreams: dict[tuple[str, int, int], bytes]) -> Context:
    rows = []
    for catalog in CATALOGS:
        for number in range(N_EXCERPTS):
            excerpt_id = f"{number:016x}-0"
            context.lake.write(
                context.partition("degradations", catalog),
                f"{excerpt_id}-n3",
                DEGRADATIONS.from_rows(
                    degraded_row(excerpt_id, process, bitstreams[catalog, number, process])
                    for process in range(N_ROWS)
                ),
                row_group_rows=1,
                compression="none",
            )
            rows += [dataset_row(catalog, number, process) for process in range(N_ROWS)]
    context.lake.write(context.joint_partition("dataset"), "dataset", DATASET.from_rows(rows))
    return context
