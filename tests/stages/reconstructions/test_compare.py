"""Sides of reconstructions compared on rows whose differences are known."""

from __future__ import annotations

import polars as pl
import pytest

from musqa_pipeline.stages.reconstructions.compare import UNTRAINED, Side, difference, mean_of
from tests.stages.reconstructions.made_up import made_up_rows

MSE, NLPD = Side("mse", "white", "equal"), Side("nlpd", "white", "equal")
ROWS = made_up_rows({("mse", "white"): 20.0, ("nlpd", "white"): 23.0}, n_excerpts=8)


def test_a_mean_is_over_seeds_excerpts_and_recordings():
    # Excerpts add 0 to 7, seeds 0 and 1.
    assert mean_of(ROWS, MSE, "psnr_db").value == pytest.approx(20 + 3.5 + 0.5)
    found = mean_of(ROWS, UNTRAINED, "psnr_db")
    assert found.value == pytest.approx(8.5)
    assert found.low < 8.5 < found.high
    assert found.n_recordings == 4
    assert mean_of(ROWS, MSE._replace(inputs="pink"), "psnr_db") is None
    silent = ROWS.with_columns(visqol_mos=pl.lit(None, pl.Float64))
    assert mean_of(silent, MSE, "visqol_mos") is None


def test_recordings_count_alike_however_many_excerpts_they_have():
    few = ROWS.filter(~pl.col("excerpt_id").is_in(["e1", "e3"]))  # r0 and r1 lose their better half
    assert mean_of(few, MSE, "psnr_db").value == pytest.approx(24 - (0.5 + 0.5) / 4)


def test_a_difference_is_of_the_same_excerpts_and_seeds():
    found = difference(ROWS, NLPD, MSE, "psnr_db")
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 3.0, 3.0))
    assert difference(ROWS, NLPD, MSE._replace(stop="last"), "psnr_db").value == pytest.approx(0.0)
    # A seed that one side lacks is no part of it.
    lacking = ROWS.filter(~((pl.col("loss") == "nlpd") & (pl.col("seed") == 1)))
    assert difference(lacking, NLPD, MSE, "psnr_db").value == pytest.approx(3.0)
    assert difference(lacking.filter(pl.col("seed") == 1), NLPD, MSE, "psnr_db") is None
