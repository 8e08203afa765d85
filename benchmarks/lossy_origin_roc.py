"""How well the audio alone tells a lossy origin: ROC tier by tier, lossless tracks as negatives.

Two scores that need no knowledge of the file, and their sum:

- `edge`: how far the upper spectral edge lies below 24 kHz, as a fraction of it;
- `gaps`: the fraction of cells (23 ms, 375 Hz) between 16 and 19.5 kHz, where the music is not
  silent, that a codec left empty: 95 dB below the loudest cell.

    python benchmarks/lossy_origin_roc.py --music DIR --out docs/pictures/lossy_origin_roc.png

DIR holds audio and a `tracks.csv` with the columns file, recording and tier.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import stft
from sklearn.metrics import roc_auc_score, roc_curve

from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz

N_FFT = 2_048
BINS_PER_CELL = 16
GAP_RANGE_HZ = (16_000, 19_500)
EMPTY_BELOW_PEAK_DB = 95.0
QUIET_BELOW_PEAK_DB = 40.0
CLEAN = "lossless"


def gap_fraction(mono: NDArray[np.float32], sample_rate_hz: int) -> float:
    """Fraction of empty cells in the top octave, over the frames that are not quiet."""
    _, _, spectrum = stft(mono, sample_rate_hz, nperseg=N_FFT, noverlap=N_FFT // 2)
    power = np.abs(spectrum[: N_FFT // 2]) ** 2
    cells = power.reshape(-1, BINS_PER_CELL, power.shape[1]).mean(axis=1)
    decibels = 10 * np.log10(cells + 1e-16)
    frame_db = decibels[2:10].max(axis=0)  # 0.75-3.75 kHz: all music is there
    heard = decibels[:, frame_db > frame_db.max() - QUIET_BELOW_PEAK_DB]
    cell_hz = np.arange(len(cells)) * BINS_PER_CELL * sample_rate_hz / N_FFT
    inside = (cell_hz > GAP_RANGE_HZ[0]) & (cell_hz < GAP_RANGE_HZ[1])
    return float(np.mean(heard[inside] < heard.max() - EMPTY_BELOW_PEAK_DB))


def measure(music: Path) -> tuple[NDArray[np.str_], NDArray[np.str_], dict[str, NDArray]]:
    with (music / "tracks.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    edge, gaps = np.zeros(len(rows)), np.zeros(len(rows))
    for i, row in enumerate(rows):
        samples, rate = soundfile.read(music / row["file"], dtype="float32", always_2d=True)
        mono = to_mono(samples)
        edge[i] = max(0.0, 1 - upper_edge_hz(mono, rate) / 24_000)
        gaps[i] = gap_fraction(mono, rate)
    scores = {"edge": edge, "gaps": gaps, "edge + gaps": edge + gaps}
    return np.array([r["tier"] for r in rows]), np.array([r["recording"] for r in rows]), scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    tier, recording, scores = measure(arguments.music)
    clean = tier == CLEAN
    tiers = [t for t in sorted(set(tier)) if t != CLEAN]
    print(f"negatives: {clean.sum()} files of {len(set(recording[clean]))} recordings, {CLEAN}")
    print(
        f"{'tier':22s} {'files':>5s} {'recordings':>10s}  " + "  ".join(f"{s:>11s}" for s in scores)
    )
    figure, axes = plt.subplots(1, len(scores), figsize=(11, 4), sharey=True, layout="constrained")
    for t in tiers:
        part = clean | (tier == t)
        aucs = {s: roc_auc_score(tier[part] == t, v[part]) for s, v in scores.items()}
        n_recordings = len(set(recording[tier == t]))
        print(f"{t:22s} {np.sum(tier == t):5d} {n_recordings:10d}  "
              + "  ".join(f"{a:11.3f}" for a in aucs.values()))  # fmt: skip
        for axis, (name, values) in zip(axes, scores.items(), strict=True):
            false_rate, true_rate, _ = roc_curve(tier[part] == t, values[part])
            axis.plot(false_rate, true_rate, label=f"{t}: {aucs[name]:.2f}")
    for axis, name in zip(axes, scores, strict=True):
        axis.plot([0, 1], [0, 1], color="0.8", zorder=0)
        axis.set(title=f"by {name}", xlabel="lossless files called lossy", aspect="equal")
        axis.legend(title="AUC", fontsize=8, title_fontsize=8, loc="lower right")
    axes[0].set_ylabel("files of the tier found")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
