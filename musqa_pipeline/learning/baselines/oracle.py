"""The oracle: it is told the process and never hears the song.

Its error is what songs differ in under one process. A model that beats it has learned something
about songs; one that does not may have learned codecs' names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.degradations.codecs import VBR
from musqa_pipeline.audio.degradations.effects import Resample
from musqa_pipeline.audio.degradations.lowpass import FAMILY_WEIGHTS
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.baselines.registry import Predictor

PROCESS_COLUMNS = tuple(
    f"{half}_{name}"
    for half in ("first", "last")
    for name in ("id", "name", "bitrate_kbps", "cutoff_hz", "params")
)
"""What the oracle is told of a row, beside its depth."""
_NUMBERS = (
    "bitrate_kbps", "quality", "cutoff_hz", "sample_rate_hz", "order", "stopband_db",
    "transition_hz",
)  # fmt: skip
_WORDS = (*DEGRADATIONS, "reference", *FAMILY_WEIGHTS, *Resample.qualities, VBR)
ABSENT = -1.0
"""Of a parameter that a process does not have; none is negative."""
_LEAST_ROWS = 5
"""A process with fewer training rows than this is estimated from its parameters instead."""


def fit_oracle(rows: pl.DataFrame, seed: int = 0) -> Predictor:
    """Fit on what each process did to the songs that may be seen; see `BaselineEntry.fit`.

    It predicts the mean label of a process from `depth` and `PROCESS_COLUMNS`; of a cascade, which
    it does not look at, that of the worse half. Processes that were drawn at random, of which no
    two are alike, are estimated from their parameters. Rows with at most one process are needed.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    singles = rows.filter(pl.col("depth") <= 1)
    if singles.is_empty():
        raise StageError(
            "the oracle needs training rows with one process; add singles to [degradations]"
        )
    halves = [row[0] for row in _halves(singles)]
    labels = singles["label"].to_numpy().astype(np.float64)
    found: dict[tuple[str, str], list[float]] = {}
    for half, label in zip(halves, labels, strict=True):
        found.setdefault(half, []).append(float(label))
    means = {half: float(np.mean(v)) for half, v in found.items() if len(v) >= _LEAST_ROWS}
    model = HistGradientBoostingRegressor(
        max_iter=150, learning_rate=0.08, min_samples_leaf=8, early_stopping=False, random_state=0
    )
    model.fit(_table(halves), labels)

    def predict(asked: pl.DataFrame) -> NDArray[np.float64]:
        processes = list(_halves(asked))
        unknown = sorted({half for row in processes for half in row if half not in means})
        estimates = dict(means)
        if unknown:
            values = model.predict(_table(unknown))
            estimates.update(zip(unknown, values.tolist(), strict=True))
        return np.array([min(estimates[half] for half in row) for row in processes])

    return predict


def _halves(rows: pl.DataFrame) -> Iterator[list[tuple[str, str]]]:
    """Yield each row's processes, as name and parameters in JSON."""
    for row in rows.select("depth", *PROCESS_COLUMNS).iter_rows(named=True):
        ends = ("first", "last") if row["depth"] > 1 else ("last",)
        yield [(row[f"{end}_name"], _parameters(row, end)) for end in ends]


def _parameters(row: Mapping[str, Any], end: str) -> str:
    if row[f"{end}_params"]:
        return str(row[f"{end}_params"])
    known = {name: row[f"{end}_{name}"] for name in ("bitrate_kbps", "cutoff_hz")}
    return json.dumps({name: value for name, value in known.items() if value is not None})


def _table(halves: list[tuple[str, str]]) -> NDArray[np.float64]:
    """Numbers of each process: a column per word that may name it, and one per parameter."""
    rows = []
    for name, text in halves:
        given = json.loads(text)
        words = {name, *(value for value in given.values() if isinstance(value, str))}
        numbers = (given.get(key) for key in _NUMBERS)
        rows.append(
            [
                *(float(known in words) for known in _WORDS),
                *(float(n) if isinstance(n, int | float) else ABSENT for n in numbers),
            ]
        )
    return np.array(rows)
