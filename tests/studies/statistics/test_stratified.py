import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.studies.statistics.stratified import stratified_divisions


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=10, max_size=90), st.integers(2, 5), st.integers(0, 99))
def test_every_row_is_predicted_once_and_classes_are_evenly_spread(classes, n_folds, seed):
    classes = np.array(classes)
    divisions = stratified_divisions(classes, seed, n_folds=n_folds)
    assert len(divisions) == 2 * n_folds
    assert sorted(np.concatenate([d.test for d in divisions])) == list(range(len(classes)))
    for division in divisions:
        parts = [division.train, division.validation, division.test]
        assert sorted(np.concatenate(parts)) == list(range(len(classes)))
    sizes = [len(d.test) for d in divisions]
    assert max(sizes) - min(sizes) <= 1
    for one in np.unique(classes):
        counts = [np.count_nonzero(classes[d.test] == one) for d in divisions]
        assert max(counts) - min(counts) <= 1


def test_the_halves_of_a_fold_change_places():
    divisions = stratified_divisions(np.arange(60) % 7, "places")
    for first, second in zip(divisions[::2], divisions[1::2], strict=True):
        assert np.array_equal(first.validation, second.test)
        assert np.array_equal(first.test, second.validation)
        assert np.array_equal(first.train, second.train)


def test_620_rows_are_divided_as_in_paper_004():
    classes = np.repeat(np.arange(15), 620 // 15 + 1)[:620]
    sizes = [
        (len(d.train), len(d.validation), len(d.test)) for d in stratified_divisions(classes, 0)
    ]
    assert sizes == [(413, 103, 104), (413, 104, 103)] * 2 + [(414, 103, 103)] * 2


def test_chance_is_the_seeds_and_not_the_names_of_classes():
    classes = np.arange(40) % 3
    first, again, named, other = (
        stratified_divisions(c, seed)[0].test
        for c, seed in (
            (classes, 1), (classes, 1), (np.array(["a", "b", "c"])[classes], 1), (classes, 2),
        )
    )  # fmt: skip
    assert np.array_equal(first, again)
    assert np.array_equal(first, named)
    assert not np.array_equal(first, other)


def test_too_few_rows_or_folds_are_refused():
    with pytest.raises(ValueError, match=r"n_folds=3, classes of shape \(5,\): expected two folds"):
        stratified_divisions(np.zeros(5), 0)
    with pytest.raises(ValueError, match="n_folds=1, classes of shape"):
        stratified_divisions(np.zeros(5), 0, n_folds=1)
