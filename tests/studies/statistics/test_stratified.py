import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musqa_pipeline.studies.statistics.stratified import (
    grouped_divisions,
    quantile_classes,
    stratified_divisions,
)


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


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12), min_size=60, max_size=120), st.integers(0, 99))
def test_groups_are_kept_together_and_every_row_is_predicted_once(numbers, seed):
    groups = np.concatenate([numbers, np.arange(13)])
    classes = quantile_classes(np.arange(len(groups)) * 7 % 31, 4)
    divisions = grouped_divisions(classes, [f"record {n}" for n in groups], seed)
    assert len(divisions) == 6
    assert sorted(np.concatenate([d.test for d in divisions])) == list(range(len(groups)))
    for first, second in zip(divisions[::2], divisions[1::2], strict=True):
        assert np.array_equal(first.validation, second.test)
        parts = [set(groups[rows]) for rows in (first.train, first.validation, first.test)]
        assert sum(map(len, parts)) == 13


def test_labels_are_spread_more_evenly_over_groups_than_by_chance():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 5)
    labels = rng.normal(size=60)[groups] + 0.3 * rng.normal(size=300)
    classes = quantile_classes(labels, 15)

    def spread(parts):
        return np.std([labels[rows].mean() for rows in parts])

    dealt = [
        spread([d.test for d in grouped_divisions(classes, groups, seed)]) for seed in range(9)
    ]
    chance = [spread(np.array_split(rng.permutation(300), 6)) for _ in range(9)]
    of_groups = [
        spread([np.isin(groups, part) for part in np.array_split(rng.permutation(60), 6)])
        for _ in range(9)
    ]
    assert np.median(dealt) < 0.6 * np.median(of_groups)
    assert np.median(dealt) < 2 * np.median(chance)
    again, other = (grouped_divisions(classes, groups, seed)[0].test for seed in (0, 1))
    assert np.array_equal(again, grouped_divisions(classes, groups, 0)[0].test)
    assert not np.array_equal(again, other)


def test_too_few_groups_are_refused():
    with pytest.raises(ValueError, match="5 groups of shape"):
        grouped_divisions(np.zeros(50), np.arange(50) % 5, 0)


def test_classes_by_rank_have_as_many_values_each():
    values = [5.0, 1.0, 3.0, 3.0, 2.0, 9.0, 4.0]
    assert quantile_classes(values, 3).tolist() == [2, 0, 0, 1, 0, 2, 1]
    counts = np.bincount(quantile_classes(np.random.default_rng(0).normal(size=620), 15))
    assert set(counts) == {41, 42}
