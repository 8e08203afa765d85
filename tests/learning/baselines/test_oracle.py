import numpy as np
import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.baselines.oracle import PROCESS_COLUMNS, fit_oracle

SCHEMA = {
    "depth": pl.Int64,
    "label": pl.Float64,
    **{
        name: pl.Float64 if name.endswith(("kbps", "hz")) else pl.String for name in PROCESS_COLUMNS
    },
}


def row(label, *halves, params=None):
    given = {"depth": len(halves), "label": float(label)}
    ends = zip(("first", "last"), (halves[0], halves[-1]), strict=True)
    for end, (name, kbps, cutoff_hz) in ends:
        given |= {
            f"{end}_id": "1", f"{end}_name": name, f"{end}_bitrate_kbps": kbps,
            f"{end}_cutoff_hz": cutoff_hz, f"{end}_params": params,
        }  # fmt: skip
    return given


def frame(rows):
    return pl.DataFrame(rows, schema=SCHEMA)


MP3, OPUS, LOW = ("mp3", 64.0, None), ("opus", 32.0, None), ("lowpass", None, 3_500.0)
SINGLES = frame(
    [row(label, p) for p, labels in ((MP3, (60, 70)), (OPUS, (80, 90)), (LOW, (10, 30)))
     for label in labels * 5]
)  # fmt: skip


def test_a_process_of_the_tables_gets_the_mean_of_its_songs():
    predicted = fit_oracle(SINGLES)(frame([row(0, MP3), row(0, LOW)]))
    assert predicted.tolist() == [65.0, 20.0]


def test_a_cascade_is_as_bad_as_its_worse_half():
    rows = frame([row(0, MP3, OPUS), row(0, OPUS, MP3), row(0, MP3, LOW)])
    assert fit_oracle(SINGLES)(rows).tolist() == [65.0, 65.0, 20.0]


def test_a_random_process_is_estimated_from_its_parameters():
    rng = np.random.default_rng(0)
    cutoffs = rng.uniform(3_000, 18_000, 400)
    texts = [f'{{"cutoff_hz": {c:.1f}, "family": "chebyshev1", "order": 6}}' for c in cutoffs]
    rows = frame(
        [row(c / 200, ("lowpass", None, c), params=t) for c, t in zip(cutoffs, texts, strict=True)]
    )
    predicted = fit_oracle(pl.concat([SINGLES, rows[:300]]))(rows[300:])
    assert np.abs(predicted - rows["label"][300:].to_numpy()).mean() < 2.5


def test_an_untouched_reference_is_a_process_too():
    rows = frame([row(90, ("reference", None, None)) | {"depth": 0}] * 6)
    assert fit_oracle(rows)(rows[:1]).tolist() == [90.0]


def test_without_singles_there_is_no_oracle():
    with pytest.raises(StageError, match="the oracle needs training rows with one process; add"):
        fit_oracle(frame([row(50, MP3, OPUS)]))
