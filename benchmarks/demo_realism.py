"""How real made music looks: the demo catalog and sampled music beside real music.

Three measures of some tracks of each kind, each cut to 10 s: ViSQOL's curves over bitrate after a
ladder of processes (paper 001, tables I and II) with the code of stages 3 and 4; long-term spectra;
and how well a classifier tells the kind from real music (the bands of musqa-net's images, logistic
regression, folds by recording). A control tells real music from real music. Tables are printed, the
curves and the spectra are drawn::

    python benchmarks/demo_realism.py --real MUSIC --out docs/pictures

Sampled music needs FluidSynth (`make sampler`). The real folder needs a `tracks.csv` with the
columns `file`, `recording` and `tier`; only the tier ``lossless`` is used, at most two files of a
recording.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyloudnorm
import soundfile
import soxr
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ, TAIL_SAMPLES
from musqa_pipeline.audio.degradations.processes import PROCESSES, Process
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.features.bands import band_centres_hz, band_image, levels_db
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.catalogs.demo_music.catalog import write_demo_catalog
from musqa_pipeline.catalogs.sampled_music.catalog import write_sampled_catalog
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.stages.degradations.apply import degrade_reference
from musqa_pipeline.stages.degradations.plan import plan_reference
from musqa_pipeline.studies.statistics.bootstrap import interval, recording_counts

mpl.use("Agg")
import matplotlib.pyplot as plt

LADDER = (1, 3, 5, 9, 11, 13, 17, 19, 21, 28, 30, 33, 35, 38, 42, 45)
"""Process ids: each codec at a low, a middle and a high rate, and two low-passes."""
Array = NDArray[np.float64]
COLOURS = {
    "real": "#1f5a93", "demo": "#d1662a", "sampled, bright": "#3f8f4f", "sampled, dark": "#6b4b8f",
}  # fmt: skip


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


def image_of(reference: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the levels of a reference in bands, in dB, each of shape (N_SEGMENTS, N_BANDS)."""
    return levels_db(band_image(reference[:EXCERPT_SAMPLES]))


def spectrum_db(levels: dict[str, NDArray[np.float32]]) -> Array:
    """Return the long-term spectrum in bands, relative to the loudest band, shape (N_BANDS,)."""
    power = (10 ** (levels["power"].astype(np.float64) / 10)).mean(axis=0)
    return 10 * np.log10(power / power.max())


def features_of(levels: dict[str, NDArray[np.float32]]) -> Array:
    """Describe a track: mean and deviation in time of each statistic in groups of eight bands."""
    grouped = [x.reshape(len(x), -1, 8).mean(axis=2) for x in levels.values()]
    return np.concatenate([f(x, axis=0) for x in grouped for f in (np.mean, np.std)])


def told_apart(
    real: Array, made: Array, recordings: Sequence[str], n_draws: int = 2_000
) -> tuple[float, float, float]:
    """Return how often a classifier ranks a made track above a real one, with its interval.

    The area under the ROC curve of predictions out of fold; 0.5 is chance, 1 every time. The
    interval is a bootstrap over recordings.
    """
    x = np.concatenate([real, made])
    y = np.repeat([0, 1], [len(real), len(made)])
    groups = np.array([*recordings, *(f"made {i}" for i in range(len(made)))])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.03, max_iter=2_000))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    p = cross_val_predict(model, x, y, groups=groups, cv=folds, method="decision_function")
    names, index = np.unique(groups, return_inverse=True)
    counts = recording_counts(len(names), n_draws, "realism")[:, index]
    draws = np.array([roc_auc_score(y, p, sample_weight=weights) for weights in counts])
    ends = interval(draws, 0.95)
    assert ends is not None
    return float(roc_auc_score(y, p)), *ends


def table(mos: dict[str, Array], processes: Sequence[int]) -> str:
    """Lay out mean and spread per process, and the mean absolute difference from real music."""
    real, *made = mos
    lines = [
        "| process | " + " | ".join(f"{kind}, n = {len(x)}" for kind, x in mos.items())
        + " | " + " | ".join(f"{kind} less {real}" for kind in made) + " |",
        "|---" * (2 * len(mos)) + "|",
    ]  # fmt: skip
    apart = {kind: mos[kind].mean(axis=0) - mos[real].mean(axis=0) for kind in made}
    for j, process_id in enumerate(processes):
        cells = [_label(PROCESSES[process_id])]
        cells += [f"{x[:, j].mean():.2f} ± {x[:, j].std():.2f}" for x in mos.values()]
        cells += [f"{apart[kind][j]:+.2f}" for kind in made]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        f"\n{kind}: mean |difference| over processes {np.abs(apart[kind]).mean():.3f} MOS"
        for kind in made
    ]
    return "\n".join(lines)


def draw_curves(mos: dict[str, Array], processes: Sequence[int], out: Path) -> None:
    """Draw a panel a codec: mean, range from the 10th to the 90th percentile, every track."""
    names = list(dict.fromkeys(PROCESSES[i].name for i in processes))
    figure, axes = plt.subplots(1, len(names), figsize=(2.5 * len(names), 3.4), sharey=True)
    for axis, name in zip(axes, names, strict=True):
        columns = [j for j, i in enumerate(processes) if PROCESSES[i].name == name]
        x = [_rate(PROCESSES[processes[j]]) for j in columns]
        for kind, values in mos.items():
            low, high = np.percentile(values[:, columns], [10, 90], axis=0)
            colour, legend = COLOURS[kind], f"{kind}, n = {len(values)}"
            axis.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
            axis.plot(x, values[:, columns].T, color=colour, alpha=0.2, linewidth=0.5)
            axis.plot(x, values[:, columns].mean(axis=0), "o-", color=colour, label=legend)
        axis.set_xscale("log")
        axis.set_xticks(x, [f"{v:g}" for v in x])
        axis.minorticks_off()
        axis.set_title(name)
        axis.set_xlabel("cut-off, kHz" if name == "lowpass" else "kbit/s")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("MOS-LQO (ViSQOL v3)")
    axes[0].set_ylim(1, 4.8)
    axes[names.index("opus")].legend(loc="lower right", fontsize=7)
    figure.tight_layout()
    figure.savefig(out, dpi=80)


def draw_spectra(spectra: dict[str, Array], out: Path) -> None:
    """Draw a panel a kind: every track, and the median of real music in each."""
    figure, axes = plt.subplots(1, len(spectra), figsize=(3.2 * len(spectra), 3.4), sharey=True)
    hz = band_centres_hz()
    (real, of_real), *_ = spectra.items()
    for axis, (kind, values) in zip(axes, spectra.items(), strict=True):
        axis.plot(hz, values.T, color=COLOURS[kind], alpha=0.35, linewidth=0.7)
        axis.plot(hz, np.median(values, axis=0), color=COLOURS[kind], linewidth=2)
        axis.plot(hz, np.median(of_real, axis=0), "k--", linewidth=1, label=f"median of {real}")
        axis.set_xscale("log")
        axis.set_xticks([100, 1_000, 10_000], ["100 Hz", "1 kHz", "10 kHz"])
        axis.set_ylim(-110, 3)
        axis.set_title(f"{kind}, n = {len(values)}")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("dB below the loudest band")
    axes[-1].legend(loc="lower left", fontsize=7)
    figure.tight_layout()
    figure.savefig(out, dpi=80)


def made_files(folder: Path, n: int) -> dict[str, list[Path]]:
    """Write tracks of each kind that can be made here."""
    files = {"demo": write_demo_catalog(folder / "demo", n_tracks=n)}
    try:
        for kind, share in (("sampled, bright", 0.0), ("sampled, dark", 1.0)):
            files[kind] = write_sampled_catalog(folder / kind, n_tracks=n, dark_share=share)
    except CatalogError as error:
        print(f"no sampled music: {error}")
    return files


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, help="folder with a tracks.csv")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder")
    parser.add_argument("--n", type=int, default=24, help="tracks of each kind, at most")
    parser.add_argument("--n-ladder", type=int, default=24, help="of them degraded and labelled")
    arguments = parser.parse_args()
    chosen = real_files(arguments.real, arguments.n)
    recordings = recordings_of(arguments.real)
    with tempfile.TemporaryDirectory() as folder:
        files = {"real": chosen, **made_files(Path(folder), arguments.n)}
        images = {kind: [image_of(reference_of(f)) for f in fs] for kind, fs in files.items()}
        mos = {
            kind: np.array([
                ladder_mos(f, LADDER) for f in progress(fs[: arguments.n_ladder], kind)
            ])
            for kind, fs in files.items()
        }  # fmt: skip
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw_curves(mos, LADDER, arguments.out / "demo_realism.png")
    spectra = {kind: np.stack([spectrum_db(x) for x in xs]) for kind, xs in images.items()}
    draw_spectra(spectra, arguments.out / "made_spectra.png")
    print(table(mos, LADDER))
    print("\n| told from real music | area under the ROC curve |\n|---|---|")
    features = {kind: np.stack([features_of(x) for x in xs]) for kind, xs in images.items()}
    real, names = features["real"], [recordings[f.name] for f in chosen]
    odd = np.isin(names, sorted(set(names))[1::2])
    rivals = {"real music (control)": (real[~odd], real[odd], list(np.array(names)[~odd]))}
    rivals |= {kind: (real, x, names) for kind, x in features.items() if kind != "real"}
    for kind, (some, others, of) in rivals.items():
        print("| {} | {:.2f} [{:.2f}, {:.2f}] |".format(kind, *told_apart(some, others, of)))


def recordings_of(folder: Path) -> dict[str, str]:
    """Return the recording of each file of a `tracks.csv`."""
    with (folder / "tracks.csv").open(newline="", encoding="utf-8") as handle:
        return {row["file"]: row["recording"] for row in csv.DictReader(handle)}


def progress(files: Sequence[Path], kind: str) -> Iterator[Path]:
    """Say which file is at work."""
    for number, file in enumerate(files, 1):
        print(f"{kind}: {number} of {len(files)}, {file.name}", file=sys.stderr, flush=True)
        yield file


def _label(process: Process) -> str:
    rate = _rate(process)
    return f"{process.name} {rate:g} {'kHz' if process.cutoff_hz else 'kbit/s'}"


def _rate(process: Process) -> float:
    return float(process.bitrate_kbps or (process.cutoff_hz or 0.0) / 1_000)


if __name__ == "__main__":
    main()
