"""Measure what clipping, a limiter and noise cost on ViSQOL's scale, for `scoring/causes.py`.

    python benchmarks/cause_costs.py --music ../shared/music --kept costs.jsonl

Faults of rising strength are planted in full-band lossless recordings (`--recordings`, of the half
that detectors are fitted on), 6 s of each in mono. A row has what ViSQOL says of it against the
original, what the shipped model says, and what the detectors found. The table has medians over
recordings: the detector's strength, what ViSQOL takes away, how far the model lies above it; and
the causes that are named. Rows are kept as they come.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
from collections import Counter
from pathlib import Path
from statistics import median

import soundfile

from musqa_pipeline import Scorer, visqol_mos
from musqa_pipeline.audio.degradations.effects import Limiter, LimiterParams
from musqa_pipeline.audio.metrics.ceiling import IDENTITY_MOS
from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash
from musqa_pipeline.scoring.causes import cause_of
from musqa_pipeline.scoring.score import Score
from tests.scoring.detectors.faults import Sound, clip, white_noise

SECONDS = 6.0
FAULTS = {
    "clipping": (3.0, 6.0, 10.0, 14.0, 18.0, 24.0),
    "limiter": (6.0, 12.0, 18.0),
    "noise": (45.0, 35.0, 25.0, 15.0),
}
"""Decibels: cut off the peak, pressed into the ceiling, of sound over noise."""
RELEASE_MS = 50.0
CLASSES = {
    "clipping": (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5),
    "noise": (0.0, 20.0, 30.0, 42.0, 60.0),
}
"""Borders of the classes of strength in which medians are taken."""
HEAD = ("fault", "dB", "recordings", "strength found", "cost, ViSQOL", "model above it", "cause")


def plant(samples: Sound, rate_hz: int, fault: str, db: float) -> Sound:
    """Plant a fault."""
    rng = derive_generator("cause_costs", fault, str(db))
    if fault == "limiter":
        applied = Limiter().apply(samples[:, 0], LimiterParams(-db, RELEASE_MS))
        return soundfile.read(io.BytesIO(applied.bitstream), dtype="float32", always_2d=True)[0]
    return {"clipping": clip, "noise": white_noise}[fault](samples, rate_hz, db, rng)


def row_of(name: str, clean: Sound, rate_hz: int, fault: str, db: float, scorer: Scorer) -> dict:
    """Measure one."""
    sound = plant(clean, rate_hz, fault, db)
    score: Score = scorer.score(sound, rate_hz)
    strengths: dict[str, list[float]] = {}
    for event in score.events:
        strengths.setdefault(event.kind, []).append(event.strength)
    visqol = visqol_mos(clean, sound, rate_hz)
    cause = cause_of(score.events, min(score.mos or visqol, visqol), score.duration_s)
    kind = next((e.kind for e in score.events if cause.endswith(e.text)), "")
    return {
        "recording": name, "fault": fault, "db": db, "visqol": round(visqol, 3),
        "model": None if score.mos is None else round(score.mos, 3),
        "strengths": {k: round(max(v), 4) for k, v in strengths.items()}, "cause": kind,
    }  # fmt: skip


def chosen(music: Path, n: int) -> list[tuple[str, Path]]:
    """List full-band lossless recordings of the half that detectors are fitted on."""
    with (music / "tracks.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["tier"] == "lossless"]
    names = {r["recording"]: music / r["file"] for r in rows}
    fit = [name for name in names if unit_interval_hash("detectors", name) < 0.5]
    fit.sort(key=lambda name: unit_interval_hash("cause_costs", name))
    return [(name, names[name]) for name in fit[:n]]


def tables(rows: list[dict]) -> str:
    """Write the table."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + " --- |" * len(HEAD)]
    for fault, strengths in FAULTS.items():
        kind = "noise" if fault == "noise" else "clipping"
        for db in strengths:
            found = [r for r in rows if (r["fault"], r["db"]) == (fault, db)]
            if not found:
                continue
            strength = [r["strengths"][kind] for r in found if kind in r["strengths"]]
            above = [r["model"] - r["visqol"] for r in found if r["model"] is not None]
            causes = Counter(r["cause"] or "none" for r in found)
            cells = [
                fault, f"{db:g}", str(len(found)),
                f"{median(strength):.3g} ({len(strength)})" if strength else "none",
                f"{median(IDENTITY_MOS - r['visqol'] for r in found):.2f}",
                f"{median(above):+.2f}" if above else "", ", ".join(
                    f"{kind} {n}" for kind, n in causes.most_common()),
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def costs(rows: list[dict]) -> str:
    """Write the medians that `COST_MOS` has: strength found, and cost, by classes of strength."""
    lines = []
    for kind, borders in CLASSES.items():
        chosen = [r for r in rows if (r["fault"] == "noise") == (kind == "noise")]
        for low, high in itertools.pairwise(borders):
            found = [
                (r["strengths"][kind], IDENTITY_MOS - r["visqol"])
                for r in chosen
                if low <= r["strengths"].get(kind, -1.0) < high
            ]
            if found:
                strength, cost = (median(values) for values in zip(*found, strict=True))
                lines.append(f"{kind} {strength:.3g}: {cost:.2f} ({len(found)} rows)")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--recordings", type=int, default=6)
    arguments = parser.parse_args()
    kept: Path = arguments.kept
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    done = {(r["recording"], r["fault"], r["db"]) for r in rows}
    scorer = Scorer(origin=False)
    for name, path in chosen(arguments.music, arguments.recordings):
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        clean = samples[: round(SECONDS * rate_hz)].mean(axis=1, keepdims=True)
        for fault, strengths in FAULTS.items():
            for db in strengths:
                if (name, fault, db) not in done:
                    rows.append(row_of(name, clean, rate_hz, fault, db, scorer))
                    with kept.open("a") as stream:
                        stream.write(json.dumps(rows[-1]) + "\n")
    print(tables(rows))
    print(costs(rows))


if __name__ == "__main__":
    main()
