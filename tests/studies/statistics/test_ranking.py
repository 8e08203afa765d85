import csv
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.studies.statistics.metrics import (
    kendall,
    mean_full_width,
    pairwise_ranking_accuracy,
)
from tests import SHARED

VINYL = SHARED / "vinylset" / "vinylset_MOS.txt"

rows = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=2, max_size=25)


@settings(deadline=None, max_examples=60)
@given(rows, st.integers(0, 20))
def test_it_is_the_formula_of_paper_004_written_out(pairs, threshold):
    label, predicted = np.array(pairs, dtype=float).T
    terms = [
        (np.sign(label[i] - label[j]) * np.sign(predicted[i] - predicted[j]) + 1) / 2
        for i, j in combinations(range(len(label)), 2)
        if abs(label[i] - label[j]) > threshold
    ]
    found = pairwise_ranking_accuracy(label, predicted, threshold)
    assert found == (pytest.approx(np.mean(terms)) if terms else None)


def test_without_threshold_and_ties_it_is_kendalls_tau():
    rng = np.random.default_rng(0)
    label = rng.permutation(50).astype(float)
    predicted = label + rng.normal(0, 15, 50)
    tau = kendall(label, predicted)
    assert pairwise_ranking_accuracy(label, predicted, 0.0) == pytest.approx((tau + 1) / 2)


def test_pairs_that_are_farther_apart_are_ranked_better():
    rng = np.random.default_rng(1)
    label = rng.uniform(1, 5, 300)
    predicted = label + rng.normal(0, 1, 300)
    found = [pairwise_ranking_accuracy(label, predicted, t) for t in (0.0, 0.87, 2.0)]
    assert found == sorted(found)
    assert found[0] < found[2] - 0.1


def test_the_threshold_of_paper_004_comes_out_of_its_data():
    if not VINYL.exists():
        pytest.skip("no shared/vinylset beside the checkout")
    with VINYL.open(newline="") as stream:
        half_width = [float(row["CI"]) for row in csv.DictReader(stream)]
    assert len(half_width) == 620
    assert mean_full_width(half_width) == pytest.approx(0.87, abs=0.005)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="threshold=-1: expected 0 or more, in the unit of the"):
        pairwise_ranking_accuracy([1, 2], [1, 2], -1)
    with pytest.raises(ValueError, match="half_width: expected one value or more"):
        mean_full_width([])
