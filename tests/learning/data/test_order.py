"""The order of an epoch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.learning.data.reader import epoch_order

sizes = st.lists(st.integers(1, 7), min_size=1, max_size=30)


def most_held(order, group_rows):
    """Rows held by a reader that reads a group at its first row and forgets rows once used."""
    group_of = np.repeat(np.arange(len(group_rows)), group_rows)
    read, held, most = set(), 0, 0
    for row in order:
        if group_of[row] not in read:
            read.add(group_of[row])
            held += group_rows[group_of[row]]
        most = max(most, held)
        held -= 1
    return most


@given(sizes, st.integers(0, 40), st.integers(0, 2**32), st.integers(0, 300))
def test_every_row_comes_once_and_the_buffer_suffices(group_rows, spare, seed, epoch):
    buffer_rows = max(group_rows) + spare
    order = epoch_order(group_rows, seed=seed, epoch=epoch, buffer_rows=buffer_rows)
    assert sorted(order) == list(range(sum(group_rows)))
    assert most_held(order, group_rows) <= buffer_rows


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else():
    def draw(seed, epoch):
        return epoch_order([16] * 40, seed=seed, epoch=epoch, buffer_rows=128).tolist()

    assert draw(3, 5) == draw(3, 5)
    assert draw(3, 5) != draw(3, 6)
    assert draw(3, 5) != draw(4, 5)


def test_batches_mix_many_row_groups():
    order = epoch_order([16] * 200, seed=0, epoch=0, buffer_rows=512)
    groups_per_batch = [len(set(batch // 16)) for batch in np.split(order, 50)]
    assert np.mean(groups_per_batch) > 20  # of 64 rows; 4 if groups came whole
    assert np.mean(np.abs(np.diff(order)) == 1) < 0.02


def test_a_buffer_as_large_as_the_set_makes_every_place_equally_likely():
    places = np.zeros((12, 12))
    for epoch in range(2_400):
        order = epoch_order([4, 4, 4], seed=1, epoch=epoch, buffer_rows=12)
        places[order, np.arange(12)] += 1
    # 200 expected a cell, standard deviation 13.5.
    assert np.abs(places - 200).max() < 5 * 13.5


def test_a_buffer_smaller_than_a_group_is_refused():
    with pytest.raises(ValueError, match="buffer_rows=3: expected at least 4, the rows of the"):
        epoch_order([2, 4], seed=0, epoch=0, buffer_rows=3)


def test_no_rows_have_an_empty_order():
    assert epoch_order([], seed=0, epoch=0, buffer_rows=1).shape == (0,)
