"""Calibration: what the label is, on average, where a model says a certain number."""

from __future__ import annotations

import numpy as np
import polars as pl

from musqa_pipeline.stages.evaluation.repetitions import ends_of
from musqa_pipeline.studies.statistics.bootstrap import MIN_RECORDINGS, recording_counts

N_BINS = 10
_N_DRAWS = 500


def calibration(rows: pl.DataFrame, *, confidence: float, n_bins: int = N_BINS) -> pl.DataFrame:
    """Average labels and predictions in bins of the prediction."""
    predicted, label = rows["predicted"].to_numpy(), rows["label"].to_numpy()
    names = rows["recording"].to_numpy().astype(str)
    bins = np.clip((predicted / 100.0 * n_bins).astype(int), 0, n_bins - 1)
    table = []
    for number in np.unique(bins):
        inside = bins == number
        found, index = np.unique(names[inside], return_inverse=True)
        draws = None
        if len(found) >= MIN_RECORDINGS:
            counts = recording_counts(len(found), _N_DRAWS, "calibration", int(number))
            sums = np.bincount(index, weights=label[inside])
            draws = (counts @ sums) / (counts @ np.bincount(index))
        table.append(
            {
                "predicted": float(predicted[inside].mean()),
                "label": float(label[inside].mean()),
                **ends_of(draws, confidence),
                "n_rows": int(inside.sum()),
                "n_recordings": len(found),
            }
        )
    schema = dict.fromkeys(("predicted", "label", "low", "high"), pl.Float64)
    return pl.DataFrame(table, schema={**schema, "n_rows": pl.Int64, "n_recordings": pl.Int64})
