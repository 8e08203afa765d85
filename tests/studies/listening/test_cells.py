"""Scores against the mean ratings that PMQD's authors print: made-up ones, with known answers."""

import csv

import numpy as np
import pytest
from scipy import stats

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.cells import (
    cell_of,
    cells_correlation,
    cells_difference,
    read_cells,
)
from tests import ROOT

CELLS = ROOT / "docs" / "results" / "listeners_cells.csv"
RATINGS = read_cells(CELLS)


def test_the_table_is_the_authors_with_its_source():
    assert len(RATINGS) == 21
    assert RATINGS["original", 0] == 4.02
    assert [RATINGS["distortion", fifth] for fifth in range(5)] == [3.05, 2.69, 2.39, 2.17, 1.59]
    assert [RATINGS["limiter", fifth] for fifth in range(5)] == [4.04, 3.72, 3.86, 3.90, 3.74]
    assert [RATINGS["lowpass", fifth] for fifth in range(5)] == [3.97, 4.00, 3.82, 3.55, 3.31]
    assert [RATINGS["noise", fifth] for fifth in range(5)] == [3.47, 3.00, 2.37, 1.78, 1.37]
    with CELLS.open(newline="", encoding="utf-8") as stream:
        assert all("Peltarion/pmqd" in row["source"] for row in csv.DictReader(stream))


def test_fifths_begin_at_their_lower_end_and_the_last_has_both():
    assert [cell_of("noise", i)[1] for i in (0, 10, 19.99, 20, 50, 79.9, 80, 100)] == [
        0, 0, 0, 1, 2, 3, 4, 4,
    ]  # fmt: skip
    assert cell_of("original", 0.0) == ("original", 0)


def rows(score_of, n_recordings=8):
    cells = [cell for cell in RATINGS for _ in range(n_recordings)]
    names = [f"song {n}" for _ in RATINGS for n in range(n_recordings)]
    scores = [score_of(cell, i % n_recordings) for i, cell in enumerate(cells)]
    return scores, cells, names


def test_scores_that_follow_the_ratings_correlate_by_one_and_against_them_by_minus_one():
    for sign in (1, -1):
        found = cells_correlation(
            *rows(lambda cell, song, sign=sign: sign * RATINGS[cell] ** 3 + song), RATINGS, "t"
        )
        assert (found.spearman, found.low, found.high) == pytest.approx((sign, sign, sign))
        assert (found.n_cells, found.n_recordings) == (21, 8)


def test_it_is_spearmans_coefficient_of_the_means_and_the_interval_knows_recordings():
    rng = np.random.default_rng(2)
    scores, cells, names = rows(lambda cell, song: RATINGS[cell] + rng.normal(0, 1.5))
    found = cells_correlation(scores, cells, names, RATINGS, "t")
    means = [np.mean([s for s, c in zip(scores, cells, strict=True) if c == one])
             for one in RATINGS]  # fmt: skip
    oracle = stats.spearmanr(list(RATINGS.values()), means).statistic
    assert found.spearman == pytest.approx(oracle)
    assert found.low < found.spearman < found.high
    assert found == cells_correlation(scores, cells, names, RATINGS, "t")
    alike = cells_correlation([*scores, *scores], [*cells, *cells], [*names, *names], RATINGS, "t")
    assert (alike.low, alike.high) == pytest.approx((found.low, found.high))
    few = cells_correlation(*rows(lambda cell, song: RATINGS[cell], 2), RATINGS, "t")
    assert (few.low, few.high, few.n_recordings) == (None, None, 2)


def test_of_several_trainings_the_coefficients_are_averaged_whatever_their_scale():
    rng = np.random.default_rng(3)
    scores, cells, names = rows(lambda cell, song: RATINGS[cell] + rng.normal(0, 1.5))
    right, wrong = np.array(scores), -7 * np.array(scores) + 90
    alone = cells_correlation(right, cells, names, RATINGS, "t")
    one = cells_correlation([right, 5 * right], cells, names, RATINGS, "t")
    assert (one.spearman, one.low, one.high) == pytest.approx(
        (alone.spearman, alone.low, alone.high)
    )
    both = cells_correlation([right, right, wrong], cells, names, RATINGS, "t")
    assert both.spearman == pytest.approx(alone.spearman / 3)
    assert (both.low, both.high) == pytest.approx((alone.low / 3, alone.high / 3))


def test_two_scores_are_compared_on_the_same_draws():
    rng = np.random.default_rng(4)
    noisy, cells, names = rows(lambda cell, song: RATINGS[cell] + rng.normal(0, 1.5))
    exact, _, _ = rows(lambda cell, song: RATINGS[cell])
    one, other = (cells_correlation(s, cells, names, RATINGS, "t") for s in (noisy, exact))
    found = cells_difference(noisy, exact, cells, names, RATINGS, "t")
    assert found.value == pytest.approx(one.spearman - other.spearman)
    assert (found.low, found.high) == pytest.approx((one.low - 1, one.high - 1))
    same = cells_difference(noisy, 3 * np.array(noisy) - 7, cells, names, RATINGS, "t")
    assert (same.value, same.low, same.high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert same.n_recordings == 8
    flat = cells_difference(noisy, np.zeros(len(noisy)), cells, names, RATINGS, "t")
    assert (flat.value, flat.low, flat.high) == (None, None, None)


def test_cells_without_scores_or_ratings_are_named():
    scores, cells, names = rows(lambda cell, song: 1.0)
    assert cells_correlation(scores, cells, names, RATINGS, "t").spearman is None
    with pytest.raises(ValueError, match=r"\('noise', 4\).*expected scores and ratings"):
        cells_correlation(scores[:-8], cells[:-8], names[:-8], RATINGS, "t")
    with pytest.raises(ValueError, match="hum"):
        cells_correlation([*scores, 1], [*cells, ("hum", 0)], [*names, "song 0"], RATINGS, "t")


def test_a_table_without_its_columns_is_refused(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("kind,mean_rating\nnoise,3\n")
    with pytest.raises(SettingsError, match="has no column intensity_from and intensity_to"):
        read_cells(path)
