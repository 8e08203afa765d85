import numpy as np
import polars as pl
import pytest

from musqa_pipeline.stages.evaluation.calibration import calibration


def test_bins_hold_the_means_of_their_rows():
    rows = pl.DataFrame(
        {
            "recording": ["a", "b", "c", "a"],
            "predicted": [41.0, 43.0, 48.0, 100.0],
            "label": [30.0, 50.0, 70.0, 90.0],
        }
    )
    found = calibration(rows, confidence=0.95).to_dicts()
    assert [row["n_rows"] for row in found] == [3, 1]
    assert found[0]["predicted"] == pytest.approx(44.0)
    assert found[0]["label"] == pytest.approx(50.0)
    assert 30.0 <= found[0]["low"] < 50.0 < found[0]["high"] <= 70.0
    assert found[1]["low"] is None


def test_a_prediction_below_zero_falls_into_the_lowest_bin():
    rows = pl.DataFrame({"recording": ["a"], "predicted": [-7.0], "label": [2.0]})
    assert calibration(rows, confidence=0.9)["predicted"].to_list() == [-7.0]


def test_an_honest_prediction_lies_on_the_diagonal():
    rng = np.random.default_rng(2)
    predicted = rng.uniform(0, 93, 5_000)
    rows = pl.DataFrame(
        {
            "recording": [f"r{i % 20}" for i in range(5_000)],
            "predicted": predicted,
            "label": predicted + rng.normal(0, 5, 5_000),
        }
    )
    found = calibration(rows, confidence=0.95)
    np.testing.assert_allclose(found["label"], found["predicted"], atol=1.0)
