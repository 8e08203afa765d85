"""Would the side channel tell the intrusive network more? Its residual beside what became of it.

``python benchmarks/insenet_side.py MUSIC... --model RUN``: stereo files of the folders MUSIC, of
recordings that the network did not train on, through codecs in stereo and with the side taken down.
The label is ViSQOL's of the mono mix, as everywhere in musqa. Of each pair the label, what the
network says of the same mono mixes, and by how many decibels side over mid changed. Printed are the
correlation of the network's error with that change, and the RMSE of the error less its mean over
the other files, or less a line over the change through the other files. Intervals are a bootstrap
over files.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import polars as pl
import soundfile
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.learning.intrusive.run import TrainedRun
from musqa_pipeline.scoring.compare import Comparer
from musqa_pipeline.studies.statistics.bootstrap import interval, recording_counts

CODECS = {
    "mp3 64": ("libmp3lame", "64k", "mp3"),
    "mp3 128": ("libmp3lame", "128k", "mp3"),
    "aac 48": ("aac", "48k", "adts"),
    "aac 96": ("aac", "96k", "adts"),
    "opus 24": ("libopus", "24k", "ogg"),
    "opus 48": ("libopus", "48k", "ogg"),
}
SIDE_DB = (-6.0, -200.0)
LEAST_SIDE_DB = -40.0
"""A file whose side is weaker re its mid is as good as mono."""
FLOOR_DB = -60.0
Stereo = NDArray[np.float32]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", nargs="+", type=Path)
    parser.add_argument("--model", required=True, type=Path)
    arguments = parser.parse_args()
    comparer = Comparer(TrainedRun(arguments.model))
    found = []
    for file in sorted(f for folder in arguments.music for f in folder.glob("*.flac")):
        x = read_stereo(file)
        if x is None or side_db(x) < LEAST_SIDE_DB:
            continue
        mid = x.mean(0)
        reference = Reference(mid)
        for way, y in degraded(x):
            label = reference.score(y.mean(0)).mos
            predicted = comparer.compare(mid, y.mean(0)).mos
            change = max(side_db(y), FLOOR_DB) - side_db(x)
            rows = {"label": 25 * (label - 1), "predicted": 25 * (predicted - 1), "side": change}
            found.append({"file": file.name, "way": way} | rows)
        print(file.name, flush=True)
    print(summary(pl.DataFrame(found)))


def read_stereo(file: Path) -> Stereo | None:
    """Read 10 s at -23 LUFS of the mono mix, shape (2, samples); None of mono files."""
    samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
    if samples.shape[1] != 2:
        return None
    if rate_hz != SAMPLE_RATE_HZ:
        samples = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)
    x = np.ascontiguousarray(samples[:EXCERPT_SAMPLES].T)
    lufs = integrated_lufs(x.mean(0))
    return x * np.float32(10 ** ((-23.0 - lufs) / 20)) if np.isfinite(lufs) else None


def side_db(x: Stereo) -> float:
    """Return the power of the side over that of the mid."""
    mid, side = (np.mean(np.square(part, dtype=np.float64)) for part in (x[0] + x[1], x[0] - x[1]))
    return float(10 * np.log10(max(side, 1e-12 * mid) / mid))


def degraded(x: Stereo) -> Iterator[tuple[str, Stereo]]:
    """Yield what codecs and a weaker side make of a stereo signal."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1"]
    raw = ["-f", "f32le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "2"]
    for way, (codec, rate, container) in CODECS.items():
        encode = [*raw, "-i", "-", "-c:a", codec, "-b:a", rate, "-f", container, "-"]
        coded = subprocess.run(
            [*ffmpeg, *encode], input=x.T.tobytes(), capture_output=True, check=True
        )
        decode = ["-i", "-", *raw, "-"]
        pcm = subprocess.run(
            [*ffmpeg, *decode], input=coded.stdout, capture_output=True, check=True
        )
        yield way, np.frombuffer(pcm.stdout, np.float32).reshape(-1, 2).T
    mid, side = (x[0] + x[1]) / 2, (x[0] - x[1]) / 2
    for db in SIDE_DB:
        weaker = side * np.float32(10 ** (db / 20))
        yield f"side {db:g} dB", np.stack((mid + weaker, mid - weaker))


def summary(rows: pl.DataFrame) -> str:
    """Write what is asked, of all codecs together and of each way."""
    rows = rows.with_columns(error=pl.col("predicted") - pl.col("label"))
    coded = rows.filter(~pl.col("way").str.starts_with("side"))
    lines = [
        "| pairs | files | n | side, change in dB | r of error and change | RMSE | with the side |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        line("codecs, all", coded),
        *(line(str(way), part) for (way,), part in rows.group_by("way", maintain_order=True)),
    ]
    return "\n".join(lines)


def line(name: str, rows: pl.DataFrame) -> str:
    """Write one line of the table."""
    files, index = np.unique(rows["file"].to_numpy(), return_inverse=True)
    side, error = rows["side"].to_numpy(), rows["error"].to_numpy()
    level = np.ones((len(side), 1))
    without = error - fitted(level, error, index)
    left = error - fitted(np.column_stack((side, level)), error, index)
    counts = recording_counts(len(files), 2_000, "side")[:, index]
    r = cell([correlation(side, error, w) for w in (np.ones(len(side)), *counts)], 2)
    rmse, with_side = (
        cell([np.sqrt(np.average(e**2, weights=w)) for w in (np.ones(len(e)), *counts)], 2)
        for e in (without, left)
    )
    spread = f"{np.median(side):+.1f} ({side.min():+.1f} to {side.max():+.1f})"
    return f"| {name} | {len(files)} | {rows.height} | {spread} | {r} | {rmse} | {with_side} |"


def fitted(known: NDArray, error: NDArray, index: NDArray) -> NDArray:
    """Predict the error of each file from what is known, linearly, by the other files."""
    found = np.zeros_like(error)
    for number in range(index.max() + 1):
        here = index == number
        found[here] = known[here] @ np.linalg.lstsq(known[~here], error[~here], rcond=None)[0]
    return found


def correlation(x: NDArray, y: NDArray, weights: NDArray) -> float:
    """Return Pearson's r with weights; NaN where one of them does not vary."""
    x, y = (v - np.average(v, weights=weights) for v in (x, y))
    xx, yy, xy = (np.average(v, weights=weights) for v in (x * x, y * y, x * y))
    return float(xy / np.sqrt(xx * yy)) if xx > 1e-12 and yy > 1e-12 else float("nan")


def cell(values: list[float], digits: int) -> str:
    """Write an estimate, the first value, with the interval of the others."""
    ends = interval(np.array(values[1:]), 0.95)
    if ends is None or not np.isfinite(values[0]):
        return "–"
    return f"{values[0]:.{digits}f} [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"


if __name__ == "__main__":
    main()
