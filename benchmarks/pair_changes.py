"""How far ViSQOL's score of a pair moves when both of its signals are changed alike.

``python benchmarks/pair_changes.py --preset effects --catalog open``, once the preset's
degradations are in `MUSQA_HOME`. An augmentation of pairs keeps the label; this says how wrong that
is. Of `--recordings` recordings, by lot, some random rows each are scored as they are and changed:
a gain or a delay of the degraded signal or of both, one smooth random equaliser on both (what
`learning/networks/insenet_augmentation.py` does to images, done to samples), a stretch of both.
What was equalised or cut is brought to -23 LUFS again. Changes are in points, (MOS - 1) x 25; the
interval is a bootstrap over recordings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.rebuild import AUDIO_COLUMNS, degraded_audio
from musqa_pipeline.audio.features.gammatone import design_gammatone
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash
from musqa_pipeline.learning.networks.insenet_augmentation import EQUALISER_KNOTS
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.graph import catalog_context, load_preset

Signal = NDArray[np.float32]
Change = Callable[[Signal, Signal, np.random.Generator], tuple[Signal, Signal]]
N_BOOTSTRAP = 2_000


def gain(db: float, *, both: bool) -> Change:
    """Make the degraded signal, or both, louder."""
    factor = np.float32(10 ** (db / 20))
    return lambda x, y, rng: (x * factor if both else x, y * factor)


def delay(ms: float, *, both: bool) -> Change:
    """Let the degraded signal, or both, begin later, by a linear phase."""

    def late(x: Signal) -> Signal:
        n = len(x) + SAMPLE_RATE_HZ
        turn = np.exp(-2j * np.pi * np.fft.rfftfreq(n) * ms * SAMPLE_RATE_HZ / 1_000)
        return np.fft.irfft(np.fft.rfft(x, n) * turn, n)[: len(x)].astype(np.float32)

    return lambda x, y, rng: (late(x) if both else x, late(y))


def equaliser(sd_db: float, *, alike: bool = True) -> Change:
    """Pass both through one curve that is linear between knots over the gammatone bands."""
    bands_hz = np.sort(design_gammatone(SAMPLE_RATE_HZ).center_hz)
    knots = np.linspace(0, len(bands_hz) - 1, EQUALISER_KNOTS)

    def change(x: Signal, y: Signal, rng: np.random.Generator) -> tuple[Signal, Signal]:
        first, second = rng.normal(0, sd_db, (2, EQUALISER_KNOTS))
        return at_target(filtered(x, first)), at_target(filtered(y, first if alike else second))

    def filtered(x: Signal, curve: NDArray[np.float64]) -> Signal:
        n = len(x) + SAMPLE_RATE_HZ
        gains_db = np.interp(np.arange(len(bands_hz)), knots, curve)
        at_hz = np.interp(np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ), bands_hz, gains_db)
        return np.fft.irfft(np.fft.rfft(x, n) * 10 ** (at_hz / 20), n)[: len(x)].astype(np.float32)

    return change


def stretch(seconds: float) -> Change:
    """Keep some seconds of both, where chance says."""
    n = int(seconds * SAMPLE_RATE_HZ)

    def change(x: Signal, y: Signal, rng: np.random.Generator) -> tuple[Signal, Signal]:
        start = int(rng.integers(len(x) - n + 1))
        return at_target(x[start : start + n]), at_target(y[start : start + n])

    return change


def at_target(x: Signal, lufs: float = -23.0) -> Signal:
    """Bring a signal to the loudness of references."""
    found = integrated_lufs(x)
    return x * np.float32(10 ** ((lufs - found) / 20)) if np.isfinite(found) else x


CHANGES: Mapping[str, Change] = {
    "gain of the degraded signal, -6 dB": gain(-6, both=False),
    "gain of both, -6 dB": gain(-6, both=True),
    "gain of both, +6 dB": gain(6, both=True),
    "delay of the degraded signal, 0.5 ms": delay(0.5, both=False),
    "delay of the degraded signal, 20 ms": delay(20, both=False),
    "delay of both, 20 ms": delay(20, both=True),
    **{f"equaliser on both, {db:g} dB": equaliser(db) for db in (1.5, 3.0, 6.0)},
    "equalisers of their own, 3 dB": equaliser(3.0, alike=False),
    **{f"{s:g} s of both": stretch(s) for s in (8.0, 6.0, 4.0)},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", required=True)
    parser.add_argument("--catalog", action="append", required=True)
    parser.add_argument("--recordings", type=int, default=24)
    parser.add_argument("--rows", type=int, default=8, help="rows of each recording")
    arguments = parser.parse_args()
    found = []
    for catalog in arguments.catalog:
        context = catalog_context(home_folder(), load_preset(arguments.preset), catalog)
        partition = context.partition("degradations")
        units = sorted(context.lake.done(partition), key=lambda u: unit_interval_hash("pairs", u))
        for number, unit in enumerate(units[: arguments.recordings]):
            columns = ["excerpt_id", "degraded_id", *AUDIO_COLUMNS]
            table = context.lake.scan(partition, DEGRADATIONS.schema, columns=columns, units=[unit])
            rng = derive_generator("pair changes", unit)
            places = np.sort(rng.permutation(table.num_rows)[: arguments.rows])
            rows = table.take(places).to_pylist()
            reference = read_reference(context, rows[0]["excerpt_id"])
            for row, degraded in zip(rows, degraded_audio(rows), strict=True):
                found += measured(reference, degraded, f"{catalog}/{unit}", row["degraded_id"])
            print(f"{catalog}: {number + 1} of {len(units[: arguments.recordings])}", flush=True)
    print(summary(pl.DataFrame(found)))


def measured(reference: Signal, degraded: Signal, recording: str, key: str) -> list[dict]:
    """Score a pair as it is and changed."""
    bound = Reference(reference)
    before = bound.score(degraded).mos
    rows = []
    for name, change in CHANGES.items():
        x, y = change(reference, degraded, derive_generator("pair changes", key, name))
        after = (bound if x is reference else Reference(x)).score(y).mos
        points = {"before": 25 * (before - 1), "moved": 25 * (after - before)}
        rows.append({"recording": recording, "change": name, **points})
    return rows


def summary(rows: pl.DataFrame) -> str:
    """Write a table in Markdown: root mean square, mean, 95th percentile of the size."""
    lines = [
        f"{rows['recording'].n_unique()} recordings, {rows.height // len(CHANGES)} pairs", "",
        "| change | RMS, points [95 %] | mean | 95 % below |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    rng = derive_generator("pair changes", "bootstrap")
    for (name,), part in rows.group_by("change", maintain_order=True):
        squares = part.group_by("recording").agg(s=(pl.col("moved") ** 2).sum(), n=pl.len())
        s, n = squares["s"].to_numpy(), squares["n"].to_numpy()
        drawn = rng.integers(len(s), size=(N_BOOTSTRAP, len(s)))
        low, high = np.quantile(np.sqrt(s[drawn].sum(1) / n[drawn].sum(1)), (0.025, 0.975))
        moved = part["moved"].to_numpy()
        rms, most = np.sqrt(np.mean(moved**2)), np.quantile(np.abs(moved), 0.95)
        lines.append(
            f"| {name} | {rms:.2f} [{low:.2f}, {high:.2f}] | {moved.mean():+.2f} | {most:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
