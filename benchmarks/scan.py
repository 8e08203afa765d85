"""What a scan costs, and how well copies are found.

    python benchmarks/scan.py library --out DIR --recordings 100   # makes FLAC and MP3 of 4 minutes
    python benchmarks/scan.py speed --library DIR --out DIR        # CPU seconds a track, memory
    python benchmarks/scan.py copies --library DIR --music DIR     # recall and false matches

Music is synthesised; DIR of ``--music`` holds recordings and a `tracks.csv` with the columns file,
recording and tier.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog
from musqa_pipeline.scoring.scan.fingerprints import Heard, Words, find_copies, fingerprint_words
from musqa_pipeline.scoring.scan.reading import EXCERPT_S, excerpt_starts

RATE_HZ = 44_100
DURATION_S = 240.0
N_PIECES = 12
SEED = 4711
RATES_KBPS = (128, 192, 256, 320)
CODECS = {
    **{f"MP3 {kbps}": ("mp3", ["-b:a", f"{kbps}k"]) for kbps in (64, 96, 128, 160, 192, 256, 320)},
    **{f"AAC {kbps}": ("m4a", ["-b:a", f"{kbps}k"]) for kbps in (96, 128, 192, 256)},
    **{f"Vorbis q{q}": ("ogg", ["-q:a", str(q)]) for q in (0, 2, 4, 6)},
    **{f"Opus {kbps}": ("opus", ["-b:a", f"{kbps}k"]) for kbps in (32, 64, 128, 192)},
}
OTHER_COPIES = ("22.05 kHz, -10 dB", "mono, 48 kHz, 1.5 s cut off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for function in (library, speed, copies):
        command = commands.add_parser(function.__name__)
        command.set_defaults(function=function)
        for name in ("out", "library", "music"):
            command.add_argument(f"--{name}", type=Path)
        command.add_argument("--recordings", type=int, default=100)
        command.add_argument("--workers", type=int, default=2)
        command.add_argument("--kinds", help="kinds of copies to make, parted by |")
    arguments = parser.parse_args()
    arguments.function(arguments)


def library(arguments: argparse.Namespace) -> None:
    """Write recordings as FLAC and as MP3; each is a piece at a speed of its own."""
    pieces = write_demo_catalog(
        arguments.out / ".pieces", n_tracks=N_PIECES, duration_s=DURATION_S, seed=SEED, log=print
    )
    for number in range(arguments.recordings):
        target = arguments.out / f"{number:04d}.flac"
        if target.exists():
            continue
        samples, rate = soundfile.read(pieces[number % N_PIECES], dtype="float32")
        speed = 0.9 + 0.2 * (number // N_PIECES) / max(1, arguments.recordings // N_PIECES)
        slowed = soxr.resample(samples, rate, RATE_HZ / speed)
        kbps = RATES_KBPS[number % len(RATES_KBPS)]
        convert(slowed, RATE_HZ, target.with_name(f"{number:04d}-{kbps}k.mp3"), "-b:a", f"{kbps}k")
        soundfile.write(target, slowed, RATE_HZ, subtype="PCM_16")


def speed(arguments: argparse.Namespace) -> None:
    """Scan and print what it cost, with all processes."""
    n_files = sum(1 for p in arguments.library.iterdir() if p.suffix in (".flac", ".mp3"))
    started = time.monotonic()
    command = [sys.executable, "-m", "musqa_pipeline.cli", "scan", str(arguments.library)]
    subprocess.run(
        [*command, "--out", str(arguments.out), "--workers", str(arguments.workers)], check=False
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(
        f"{n_files} files: {cpu_s / n_files:.3f} CPU-s a file, {time.monotonic() - started:.0f} s, "
        f"largest process {used.ru_maxrss / 1e3:.0f} MB; two cores for themselves would scan "
        f"{2 * 3600 * n_files / cpu_s:,.0f} files an hour"
    )


def copies(arguments: argparse.Namespace) -> None:
    """Look copies of recordings up among all others; print recall and false matches."""
    sources = list(recordings(arguments.library, arguments.music))
    originals = [Heard(i, len(x) / r, words_of(x, r)) for i, (_, x, r) in enumerate(sources)]
    order = sorted(originals, key=lambda h: h.duration_s)
    strangers = [c for c in find_copies(order)]
    n_pairs = len(originals) * (len(originals) - 1) // 2
    print(f"{len(originals)} recordings, {n_pairs} pairs: {len(strangers)} false matches")
    for copy in strangers:
        print("  ", sources[copy.first][0], sources[copy.second][0], round(copy.error_rate, 3))
    print(f"{'copy':30s} {'found':>5s} {'of':>4s} {'bits that differ, median':>25s} {'false':>5s}")
    for name in kinds_of(arguments, (*CODECS, *OTHER_COPIES)):
        made = []
        for i, (_, x, rate) in enumerate(sources):
            y, other_rate = copy_of(x, rate, name)
            made.append(Heard(-1 - i, len(y) / other_rate, words_of(y, other_rate)))
        both = sorted(originals + made, key=lambda h: h.duration_s)
        found = [[*sorted((c.first, c.second)), c.error_rate] for c in find_copies(both)]
        right = [rate for low, high, rate in found if low == -1 - high]
        wrong = {(low, high) for low, high, _ in found if low < 0 <= high and low != -1 - high}
        median = float(np.median(right)) if right else float("nan")
        print(
            f"{name:30s} {len(right):5d} {len(sources):4d} {median:25.3f} {len(wrong):5d}",
            flush=True,
        )


def recordings(
    made: Path | None, music: Path | None, tier: str = ""
) -> Iterator[tuple[str, NDArray[np.float32], int]]:
    """Give a minute of each synthesised piece, and all of each real recording."""
    for path in sorted((made / ".pieces").glob("*.flac")) if made else ():
        x, rate = soundfile.read(path, frames=60 * 48_000, dtype="float32", always_2d=True)
        yield path.name, x, rate
    if music:
        with (music / "tracks.csv").open(encoding="utf-8-sig", newline="") as stream:
            rows = [r for r in csv.DictReader(stream) if not tier or r["tier"] == tier]
        seen = set()
        for row in rows:
            if row["recording"] not in seen:  # two parts of a recording are no strangers
                seen.add(row["recording"])
                x, rate = soundfile.read(music / row["file"], dtype="float32", always_2d=True)
                yield row["file"], x, rate


def kinds_of(arguments: argparse.Namespace, all_kinds: tuple[str, ...]) -> tuple[str, ...]:
    wanted = arguments.kinds.split("|") if arguments.kinds else all_kinds
    return tuple(kind for kind in all_kinds if kind in wanted)


def words_of(x: NDArray[np.float32], rate: int) -> tuple[Words, ...]:
    """Fingerprint a recording where a scan would."""
    starts = [round(s * rate) for s in excerpt_starts(len(x) / rate, 3)]
    parts = (x[s : s + round(EXCERPT_S * rate)].mean(axis=1) for s in starts)
    return tuple(fingerprint_words(part, rate) for part in parts)


def copy_of(x: NDArray[np.float32], rate: int, name: str) -> tuple[NDArray[np.float32], int]:
    """Make a copy of a kind."""
    if name == OTHER_COPIES[0]:
        return soxr.resample(x, rate, 22_050) * np.float32(0.316), 22_050
    if name == OTHER_COPIES[1]:
        mono = x.mean(axis=1, keepdims=True)[round(1.5 * rate) :]
        return soxr.resample(mono, rate, 48_000), 48_000
    ending, options = CODECS[name]
    with tempfile.TemporaryDirectory() as folder:
        coded, decoded = Path(folder) / f"coded.{ending}", Path(folder) / "decoded.wav"
        convert(x, rate, coded, *options)
        ffmpeg("-i", str(coded), "-c:a", "pcm_f32le", str(decoded))
        y, other_rate = soundfile.read(decoded, dtype="float32", always_2d=True)
        return y, other_rate


def convert(x: NDArray[np.float32], rate: int, target: Path, *options: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "in.wav"
        soundfile.write(wave, x, rate, subtype="PCM_24")
        ffmpeg("-i", str(wave), *options, str(target))


def ffmpeg(*arguments: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-threads", "1"]
    subprocess.run([*command, *arguments], check=True)


if __name__ == "__main__":
    main()
