"""What `write_detector_results.py` measures of lossy origin: fakes, originals, dark originals.

A fake is an original of 44.1 kHz and 16 bit, coded by ffmpeg, decoded by ffmpeg and written as
FLAC. Results are kept in FOLDER as they come, one JSON a line, so that a run that was stopped goes
on where it was.
"""

from __future__ import annotations

import csv
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import matplotlib.pyplot as plt
import numpy as np
import soundfile
import soxr
from scipy.signal import butter, sosfilt
from scipy.stats import binomtest

from musqa_pipeline.core.seeds import unit_interval_hash
from musqa_pipeline.scoring.origin.meter import OriginMeter
from musqa_pipeline.scoring.origin.verdict import LIKELY, POSSIBLE

PICTURE = Path(__file__).resolve().parents[1] / "pictures" / "origin.png"
CODECS = {
    "MP3": ("libmp3lame", "mp3"),
    "AAC": ("aac", "m4a"),
    "Vorbis": ("libvorbis", "ogg"),
    "Opus": ("libopus", "opus"),
}
"""ffmpeg's encoder and the file's ending."""
RATES_KBPS = (64, 96, 128, 192, 256, 320)
RATE_HZ = 44_100
SECONDS = 10.0
AS_IT_IS = "as it is"
DARK = {
    "low-pass of 12 dB an octave at 8 kHz": ("filter", 8_000),
    "had 16 kHz": ("rate", 16_000),
    "had 22.05 kHz": ("rate", 22_050),
    "had 32 kHz": ("rate", 32_000),
}
"""Originals that are dark or have an edge, and that no codec has touched."""
Sound = np.ndarray


def recordings(folders: list[Path], half: str) -> Iterator[tuple[str, Path]]:
    """List one file of each lossless recording: of the first folder one half, of others all."""
    seen = set()
    for number, folder in enumerate(folders):
        with (folder / "tracks.csv").open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row["tier"] == "lossless"]
        for row in rows:
            fit = unit_interval_hash("detectors", row["recording"]) < 0.5
            wanted = fit == (half == "fit") if number == 0 else half == "test"
            if wanted and row["recording"] not in seen:
                seen.add(row["recording"])
                yield row["recording"], folder / row["file"]


def original(path: Path) -> Sound:
    """Read the beginning of a recording as a CD has it: 44.1 kHz, 16 bit, two channels."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    samples = np.repeat(samples, 2, axis=1)[:, :2] if samples.shape[1] == 1 else samples[:, :2]
    samples = soxr.resample(samples[: round(SECONDS * rate_hz)], rate_hz, RATE_HZ, quality="VHQ")
    return as_16_bit(samples / max(1.0, 1.02 * float(np.abs(samples).max())))


def as_16_bit(samples: Sound) -> Sound:
    """Round as a file of 16 bit does."""
    return (np.round(samples * 32_767) / 32_768).astype(np.float32)


def darkened(samples: Sound, name: str) -> Sound:
    """Make one of the originals of `DARK`."""
    kind, hz = DARK[name]
    if kind == "filter":
        sos = butter(2, hz, fs=RATE_HZ, output="sos")
        return as_16_bit(sosfilt(sos, samples, axis=0))
    low = soxr.resample(samples, RATE_HZ, hz, quality="HQ")
    return as_16_bit(soxr.resample(low, hz, RATE_HZ, quality="HQ"))


def fakes(samples: Sound) -> Iterator[tuple[str, int, Sound, int]]:
    """Code, decode and read: codec, rate in kbit/s, samples, sample rate."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "fatal", "-nostdin", "-y"]
    jobs = [(codec, kbps) for codec in CODECS for kbps in RATES_KBPS]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "original.flac"
        soundfile.write(source, samples, RATE_HZ, subtype="PCM_16")
        coded = [Path(folder) / f"{i}.{CODECS[codec][1]}" for i, (codec, _) in enumerate(jobs)]
        back = [path.with_suffix(".flac") for path in coded]
        encode: list[object] = [*ffmpeg, "-i", source]
        for (codec, kbps), path in zip(jobs, coded, strict=True):
            encode += ["-map", "0", "-c:a", CODECS[codec][0], "-b:a", f"{kbps}k", path]
        decode: list[object] = [*ffmpeg]
        for path in coded:
            decode += ["-i", path]
        for i, path in enumerate(back):
            decode += ["-map", str(i), "-sample_fmt", "s16", path]
        subprocess.run([str(a) for a in encode], check=True)
        subprocess.run([str(a) for a in decode], check=True)
        for (codec, kbps), path in zip(jobs, back, strict=True):
            yield codec, kbps, *soundfile.read(path, dtype="float32", always_2d=True)


def judged(samples: Sound, rate_hz: int) -> dict[str, object]:
    """Say what the scorer says."""
    meter = OriginMeter(rate_hz)
    meter.push(samples)
    origin = meter.origin()
    if origin is None:
        return {"verdict": "", "codec": "", "evidence": []}
    return {
        "verdict": origin.verdict, "codec": origin.codec, "evidence": list(origin.evidence)
    }  # fmt: skip


def measure(folders: list[Path], half: str, kept: Path, most_faked: int) -> list[dict]:
    """Judge all recordings, and what is made of the first `most_faked`; return the answers.

    They go in an order by hash, and answers that are in `kept` are taken from there.
    """
    found = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    done = {(row["recording"], row["made"], row["kbps"]) for row in found}
    chosen = sorted(recordings(folders, half), key=lambda r: unit_interval_hash("origin", r[0]))

    def tell(recording: str, made: str, kbps: int, samples: Sound, rate_hz: int) -> None:
        row = {"recording": recording, "made": made, "kbps": kbps, **judged(samples, rate_hz)}
        found.append(row)
        with kept.open("a") as stream:
            stream.write(json.dumps(row) + "\n")

    for recording, path in chosen:
        if (recording, AS_IT_IS, 0) not in done:
            tell(recording, AS_IT_IS, 0, original(path), RATE_HZ)
    for recording, path in chosen[:most_faked]:
        for name in DARK:
            if (recording, name, 0) not in done:
                tell(recording, name, 0, darkened(original(path), name), RATE_HZ)
        wanted = {(recording, codec, kbps) for codec in CODECS for kbps in RATES_KBPS}
        if not wanted <= done:
            for codec, kbps, samples, rate_hz in fakes(original(path)):
                if (recording, codec, kbps) not in done:
                    tell(recording, codec, kbps, samples, rate_hz)
    return found


def tables(folders: list[Path], half: str, kept: Path, most_faked: int) -> dict[str, str]:
    """Measure, draw the picture of the test half, and return the tables by their place."""
    found = of_whole_recordings(measure(folders, half, kept, most_faked))
    if half == "test":
        picture(found)
    return {"fakes": fakes_table(found), "originals": originals_table(found)}


def of_whole_recordings(found: list[dict]) -> list[dict]:
    """Leave out the fakes of a recording whose measurement was stopped."""
    counts = Counter(row["recording"] for row in found if row["made"] in CODECS)
    whole = {name for name, n in counts.items() if n == len(CODECS) * len(RATES_KBPS)}
    return [row for row in found if row["made"] not in CODECS or row["recording"] in whole]


def fakes_table(found: list[dict]) -> str:
    """Table of fakes: likely and possible of all, and how often the right codec was named."""
    head = " | ".join(f"{kbps} kbit/s" for kbps in RATES_KBPS)
    lines = [f"| made from | {head} | right codec named |", "| --- |" + " --- |" * 7]
    for codec in CODECS:
        cells = []
        for kbps in RATES_KBPS:
            rows = [r for r in found if (r["made"], r["kbps"]) == (codec, kbps)]
            counts = [sum(r["verdict"] == v for r in rows) for v in (LIKELY, POSSIBLE)]
            cells.append(f"{counts[0]} + {counts[1]} of {len(rows)}")
        likely = [r for r in found if r["made"] == codec and r["verdict"] == LIKELY]
        right = sum(r["codec"].startswith(codec) for r in likely)
        lines.append(f"| {codec} | {' | '.join(cells)} | {right} of {len(likely)} |")
    return "\n".join(lines)


def originals_table(found: list[dict]) -> str:
    """Table of what no codec has touched, with exact intervals of 95 % by recording."""
    lines = [
        "| original | recordings | likely lossy (95 % interval) | possibly lossy |",
        "| --- | --- | --- | --- |",
    ]
    for name in (AS_IT_IS, *DARK):
        rows = [r for r in found if r["made"] == name]
        likely, possible = ([r for r in rows if r["verdict"] == v] for v in (LIKELY, POSSIBLE))
        interval = binomtest(len(likely), max(1, len(rows))).proportion_ci(0.95)
        named = ", ".join(f"{r['recording']}: {r['codec']}" for r in likely)
        lines.append(
            f"| {name} | {len(rows)} | {len(likely)} (to {100 * interval.high:.0f} %)"
            f"{f' ({named})' if named else ''} | {len(possible)} |"
        )
    return "\n".join(lines)


def picture(found: list[dict]) -> None:
    """Draw the part of fakes that are called likely lossy over the rate, a line a codec."""
    figure, axis = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    for i, codec in enumerate(CODECS):
        rates = []
        for kbps in RATES_KBPS:
            rows = [r for r in found if (r["made"], r["kbps"]) == (codec, kbps)]
            rates.append(sum(r["verdict"] == LIKELY for r in rows) / max(1, len(rows)))
        axis.plot(RATES_KBPS, rates, marker="osD^"[i], ms=8 - i, label=codec)
    axis.set(xlabel="coded at … kbit/s", ylabel="called likely lossy", ylim=(-0.04, 1.04))
    axis.set_xticks(RATES_KBPS, [str(kbps) for kbps in RATES_KBPS])
    axis.grid(alpha=0.3)
    axis.legend(loc="lower left")
    figure.savefig(PICTURE, dpi=100, metadata={"Software": None})
