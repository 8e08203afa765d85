"""Scores of the pairs by visqol-python, kept in a file.

``python -m tests.audio.metrics.visqol.golden_scores`` writes `golden/visqol_pairs.csv` anew (a
quarter of an hour on one core) and prints how far visqol-python as it is lies from visqol-python
with the C++'s envelope. Nothing of musqa's own ViSQOL goes in. A row holds the hash of the samples
that were scored: see `visqol_pairs`.
"""

from __future__ import annotations

import csv
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.audio.metrics.visqol.oracle import Oracle, OraclePatch, OracleScore
from tests.audio.metrics.visqol.pair_list import PAIRS
from tests.audio.metrics.visqol.pairs import make_pairs, samples_hash

GOLDEN = Path(__file__).parent / "golden" / "visqol_pairs.csv"
COLUMNS = (
    "name",
    "samples_hash",
    "scorer",
    "mos",
    "vnsim",
    "lag_samples",
    "patches",
    "mos_as_it_is",
    "lag_samples_as_it_is",
)
"""`patches` holds one word a patch: the starts and ends of `OraclePatch`, then its similarity."""


def read_golden() -> dict[str, tuple[str, OracleScore]]:
    """Return hash and score (with the C++'s envelope, without `fvnsim`) by the pair's name."""
    with GOLDEN.open(newline="") as lines:
        return {row["name"]: (row["samples_hash"], _score(row)) for row in csv.DictReader(lines)}


def _score(row: dict[str, str]) -> OracleScore:
    return OracleScore(
        mos=float(row["mos"]),
        vnsim=float(row["vnsim"]),
        fvnsim=np.full(32, np.nan),
        lag_samples=int(row["lag_samples"]),
        patches=tuple(_patch(word) for word in row["patches"].split()),
    )


def _patch(word: str) -> OraclePatch:
    *times, similarity = word.split(":")
    return OraclePatch(*map(int, times), float(similarity))


def _word(p: OraclePatch) -> str:
    times = (p.reference_start, p.reference_end, p.degraded_start, p.degraded_end)
    return ":".join([*map(str, times), f"{p.similarity:.10g}"])


def main() -> None:
    """Score all pairs twice, write the file and print how they differ."""
    as_google, as_it_is = Oracle(), Oracle(rectified=False)
    rows, differences = [], []
    for pair, reference, degraded in make_pairs(PAIRS):
        score, other = (o.score(reference, degraded) for o in (as_google, as_it_is))
        values = (
            pair.name,
            samples_hash(reference, degraded),
            f"visqol-python {version('visqol-python')}",
            repr(score.mos),
            repr(score.vnsim),
            score.lag_samples,
            " ".join(map(_word, score.patches)),
            repr(other.mos),
            other.lag_samples,
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
        differences.append((other.mos - score.mos, pair.name))
        print(
            f"{len(rows)}/{len(PAIRS)} {pair.name}: {score.mos:.6f}, lag {score.lag_samples}; "
            f"as it is {other.mos - score.mos:+.2e}, lag {other.lag_samples}",
            flush=True,
        )
    temporary = GOLDEN.with_suffix(".new")
    with temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(GOLDEN)
    for limit in (1e-12, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1):
        print(f"|dMOS| > {limit:g}: {sum(abs(d) > limit for d, _ in differences)} of {len(rows)}")
    print("largest:", *sorted(differences, key=lambda d: -abs(d[0]))[:10], sep="\n  ")


if __name__ == "__main__":
    main()
