"""ViSQOL's curves over bitrate, of the demo catalog and of real music, side by side.

Takes some tracks of each, cuts 10 s, degrades them by a ladder of processes (paper 001, tables I
and II) with the code of stage 3, scores them with the code of stage 4, prints a table and draws
mean and spread over bitrate for both, a panel a codec::

    python benchmarks/demo_realism.py --real ../shared/music --out docs/pictures/demo_realism.png

The real folder needs a `tracks.csv` with the columns `file`, `recording` and `tier`; only the tier
``lossless`` is used, at most two files of a recording.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyloudnorm
import soundfile
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.degradations.processes import PROCESSES, Process
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.plan import plan_reference

mpl.use("Agg")
import matplotlib.pyplot as plt

LADDER = (1, 3, 5, 9, 11, 13, 17, 19, 21, 28, 30, 33, 35, 38, 42, 45)
"""Process ids: each codec at a low, a middle and a high rate, and two low-passes."""
Array = NDArray[np.float64]


def reference_of(file: Path, target_lufs: float = -23.0) -> NDArray[np.float32]:
    """Return the first 10 s of a file as stage 2 would: mono, 48 kHz, -23 LUFS, with a tail."""
    samples, rate = soundfile.read(file, always_2d=True)
    mono = soxr.resample(samples.mean(axis=1), rate, SAMPLE_RATE_HZ, "VHQ")
    n = EXCERPT_SAMPLES + TAIL_SAMPLES
    mono = np.concatenate([mono, mono[::-1]])[:n]
    loudness = pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(mono[:EXCERPT_SAMPLES])
    scaled = np.clip(mono * 10 ** ((target_lufs - loudness) / 20), -1, 1 - 2**-15)
    return (np.round(scaled * 32_768) / 32_768).astype(np.float32)


def ladder_mos(file: Path, processes: Sequence[int]) -> list[float]:
    """Return the MOS-LQO of a file after each process."""
    reference = reference_of(file)
    settings = DegradationsSettings(singles=tuple(processes), pool_excluded=(), n_cascades=0)
    rows = degrade_reference(plan_reference(file.stem, 0, settings), reference)
    metric = Reference(reference[:EXCERPT_SAMPLES])
    mos = {
        row["first_id"]: metric.score(x).mos
        for row, x in zip(rows, degraded_audio(rows), strict=True)
    }
    return [mos[process] for process in processes]


def real_files(folder: Path, n: int) -> list[Path]:
    """Choose lossless files spread over the catalog, at most two of a recording."""
    with (folder / "tracks.csv").open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["tier"] == "lossless"]
    seen: Counter[str] = Counter()
    usable = []
    for row in rows:
        seen[row["recording"]] += 1
        if seen[row["recording"]] <= 2:
            usable.append(folder / row["file"])
    chosen = np.linspace(0, len(usable) - 1, min(n, len(usable))).round().astype(int)
    return [usable[i] for i in dict.fromkeys(chosen.tolist())]


def table(real: Array, synthetic: Array, processes: Sequence[int]) -> str:
    """Lay out mean and spread per process, and the mean absolute difference of means."""
    difference = synthetic.mean(axis=0) - real.mean(axis=0)
    lines = [
        f"| process | real, n = {len(real)} | demo, n = {len(synthetic)} | difference |",
        "|---|---|---|---|",
    ]
    for j, process_id in enumerate(processes):
        cells = [f"{x[:, j].mean():.2f} ± {x[:, j].std():.2f}" for x in (real, synthetic)]
        label = _label(PROCESSES[process_id])
        lines.append(f"| {label} | {cells[0]} | {cells[1]} | {difference[j]:+.2f} |")
    lines.append(f"\nmean |difference| over processes: {np.abs(difference).mean():.3f} MOS")
    return "\n".join(lines)


def draw(real: Array, synthetic: Array, processes: Sequence[int], out: Path) -> None:
    """Draw a panel a codec: mean, range from the 10th to the 90th percentile, every track."""
    names = list(dict.fromkeys(PROCESSES[i].name for i in processes))
    figure, axes = plt.subplots(1, len(names), figsize=(2.5 * len(names), 3.4), sharey=True)
    for axis, name in zip(axes, names, strict=True):
        columns = [j for j, i in enumerate(processes) if PROCESSES[i].name == name]
        x = [_rate(PROCESSES[processes[j]]) for j in columns]
        for mos, label, colour in ((real, "real", "#1f5a93"), (synthetic, "demo", "#d1662a")):
            low, high = np.percentile(mos[:, columns], [10, 90], axis=0)
            axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
            axis.plot(x, mos[:, columns].T, color=colour, alpha=0.25, linewidth=0.6)
            legend = f"{label}, n = {len(mos)}"
            axis.plot(x, mos[:, columns].mean(axis=0), "o-", color=colour, label=legend)
        axis.set_xscale("log")
        axis.set_xticks(x, [f"{v:g}" for v in x])
        axis.minorticks_off()
        axis.set_title(name)
        axis.set_xlabel("cut-off, kHz" if name == "lowpass" else "kbit/s")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("MOS-LQO (ViSQOL v3)")
    axes[0].set_ylim(1, 4.8)
    axes[-1].legend(loc="lower right", fontsize=7)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=80)


def main() -> None:
    """Compare and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, help="folder with a tracks.csv")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/demo_realism.png"))
    parser.add_argument("--n", type=int, default=24, help="tracks of each kind, at most")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        synthetic_files = write_demo_catalog(Path(folder), n_tracks=arguments.n)
        mos = {}
        for kind, files in (
            ("demo", synthetic_files),
            ("real", real_files(arguments.real, arguments.n)),
        ):
            rows = []
            for file in files:
                rows.append(ladder_mos(file, LADDER))
                print(kind, file.name, " ".join(f"{m:.2f}" for m in rows[-1]), flush=True)
            mos[kind] = np.array(rows)
    print(table(mos["real"], mos["demo"], LADDER))
    draw(mos["real"], mos["demo"], LADDER, arguments.out)


def _label(process: Process) -> str:
    rate = _rate(process)
    return f"{process.name} {rate:g} {'kHz' if process.cutoff_hz else 'kbit/s'}"


def _rate(process: Process) -> float:
    return float(process.bitrate_kbps or (process.cutoff_hz or 0.0) / 1_000)


if __name__ == "__main__":
    main()
