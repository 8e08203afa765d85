"""What must hold of stored images, measured: no NaN, the right range, one image per chosen row."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from musqa_pipeline.audio.features.mel import decode_cells
from musqa_pipeline.audio.features.pcm import WAVEFORM_SAMPLES
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.learning.data.shards import opened_shard
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.in_use import is_eaten
from musqa_pipeline.stages.spectrograms.row_shards import dataset_rows, shard_files

LARGEST_STORAGE_ERROR = {"uint8": 1 / 510, "float16": 1 / 4096}
"""Half a step of each type; a little float32 rounding comes on top."""
HARMLESS = ("n_images", "n_looped")
FAULTS = (
    "n_wrong_size", "n_not_finite", "n_out_of_range", "n_not_stretched", "n_rounded_too_far",
)  # fmt: skip


def check_images(context: Context) -> CheckResult:
    """Check every stored cell of every shard."""
    numbers = _count_faults(shard_files(context), lowest=0.0)
    return CheckResult(
        passed=_is_sound(numbers) and numbers["n_images"] > 0,
        claim="every mel image is whole, finite, within 0-1 and stretched over it",
        numbers=numbers,
    )


def check_nisqa_images(context: Context) -> CheckResult:
    """Check every stored cell of `nisqa_mels`, where a network of the preset eats them."""
    numbers = _count_faults(shard_files(context, "nisqa_mels"), lowest=None)
    n_wanted = len(dataset_rows(context)) if is_eaten(context.preset, "nisqa_mels") else 0
    return CheckResult(
        passed=_is_sound(numbers) and numbers["n_images"] >= n_wanted,
        claim="every mel image of NISQA is whole, finite, within 0-1 and has its loudest cell at 1",
        numbers={**numbers, "n_wanted": n_wanted},
    )


def check_waveforms(context: Context) -> CheckResult:
    """Check the samples of `waveforms`, where a network of the preset eats them."""
    numbers = dict.fromkeys(("n_waveforms", "n_wrong_size", "n_silent", "n_wrong_level"), 0)
    for file in shard_files(context, "waveforms"):
        with opened_shard(file) as parquet:
            for group in range(parquet.num_row_groups):
                for row in parquet.read_row_group(group, use_threads=False).to_pylist():
                    samples = decode_cells(np.frombuffer(row["image"], row["dtype"]))
                    peak = float(np.abs(samples).max(initial=0.0))
                    numbers["n_waveforms"] += 1
                    numbers["n_wrong_size"] += len(samples) != WAVEFORM_SAMPLES
                    numbers["n_silent"] += peak == 0
                    level_db = 20 * math.log10(peak) if peak else -math.inf
                    numbers["n_wrong_level"] += not math.isclose(
                        level_db, row["max_db"], abs_tol=1e-6
                    )
    n_wanted = len(dataset_rows(context)) if is_eaten(context.preset, "waveforms") else 0
    n_waveforms, *faults = numbers.values()
    return CheckResult(
        passed=not any(faults) and n_waveforms >= n_wanted,
        claim="every waveform has 10 s, sound in it, and the level that its row states",
        numbers={**numbers, "n_wanted": n_wanted},
    )


def _count_faults(files: list[Path], *, lowest: float | None) -> dict[str, float]:
    """Count what is wrong with images whose loudest cell is 1 and whose quietest is `lowest`."""
    counts = dict.fromkeys((*HARMLESS, *FAULTS), 0)
    worst_error = 0.0
    for file in files:
        with opened_shard(file) as parquet:
            for group in range(parquet.num_row_groups):
                for row in parquet.read_row_group(group, use_threads=False).to_pylist():
                    error = row["storage_error"]
                    worst_error = max(worst_error, error)
                    counts["n_images"] += 1
                    counts["n_looped"] += row["looped"]
                    allowed = LARGEST_STORAGE_ERROR[row["dtype"]] + 1e-6
                    counts["n_rounded_too_far"] += not error <= allowed
                    cells = np.frombuffer(row["image"], row["dtype"])
                    if len(cells) != row["n_frames"] * row["n_bands"]:
                        counts["n_wrong_size"] += 1
                        continue
                    values = decode_cells(cells)
                    if not np.isfinite(values).all():
                        counts["n_not_finite"] += 1
                        continue
                    low, high = float(values.min()), float(values.max())
                    counts["n_out_of_range"] += not 0.0 <= low <= high <= 1.0
                    flat = row["max_db"] == row["min_db"]
                    stretched = high == 1.0 and lowest in (None, low)
                    counts["n_not_stretched"] += not (flat or stretched)
    return {**counts, "largest_storage_error": worst_error}


def _is_sound(numbers: dict[str, float]) -> bool:
    return not any(numbers[name] for name in FAULTS)


def check_counts(context: Context) -> CheckResult:
    """Check that the images are those of the rows of `dataset`, with the same labels."""
    columns = ["catalog", "degraded_id", "part", "uniform_draw", "natural_mix", "mos", "quality"]
    wanted = Counter(tuple(row[c] for c in columns) for row in dataset_rows(context))
    found = Counter(
        tuple(row[c] for c in columns)
        for file in shard_files(context)
        for row in _read(file, columns)
    )
    missing, surplus = (wanted - found).total(), (found - wanted).total()
    return CheckResult(
        passed=missing == surplus == 0,
        claim="each row of dataset has one mel image, with its part and label; there is no other",
        numbers={
            "n_dataset_rows": wanted.total(),
            "n_images": found.total(),
            "n_missing": missing,
            "n_surplus": surplus,
        },
    )


def _read(file: Path, columns: list[str]) -> list[dict[str, Any]]:
    with opened_shard(file) as parquet:
        rows: list[dict[str, Any]] = parquet.read(columns, use_threads=False).to_pylist()
        return rows
