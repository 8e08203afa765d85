import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.stages.dataset.spread import NO_KEY, Family, draw_spread


def family(keys, cap_fraction=1.0):
    keys = np.array(keys, dtype=np.int64)
    return Family(keys.reshape(len(keys), -1), cap_fraction)


@st.composite
def bins(draw):
    """A bin of rows with a reference and one or two processes each, caps, and a quota."""
    n = draw(st.integers(1, 60))
    references = draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))
    processes = [
        (first, second if second != first else NO_KEY)
        for first, second in draw(
            st.lists(st.tuples(st.integers(0, 9), st.integers(-1, 9)), min_size=n, max_size=n)
        )
    ]
    caps = draw(st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0)))
    return [family(references, caps[0]), family(processes, caps[1])], draw(st.integers(0, n))


def over_cap(families, rows, n):
    """Keys of each family that are in as many rows as their cap allows, or more."""
    full = []
    for f in families:
        used = f.keys[rows]
        keys, counts = np.unique(used[used >= 0], return_counts=True)
        full.append(set(keys[counts >= max(1, int(f.cap_fraction * n + 1e-9))].tolist()))
    return full


@given(case=bins())
def test_exactly_the_wanted_number_of_different_rows_is_drawn(case):
    families, n = case
    rows = draw_spread(families, n).rows
    assert len(set(rows.tolist())) == len(rows) == n


@given(case=bins())
def test_a_cap_is_exceeded_only_when_no_other_row_is_left(case):
    families, n = case
    spread = draw_spread(families, n)
    n_over = 0
    for taken in range(n):
        full = over_cap(families, spread.rows[:taken], n)
        capped = [
            any(set(f.keys[row].tolist()) & keys for f, keys in zip(families, full, strict=True))
            for row in range(len(families[0].keys))
        ]
        n_over += capped[spread.rows[taken]]
        left = set(range(len(capped))) - set(spread.rows[:taken].tolist())
        assert not capped[spread.rows[taken]] or all(capped[row] for row in left)
    assert spread.n_over_cap == n_over


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=8), share=st.floats(0, 1))
def test_a_single_family_is_filled_like_water(counts, share):
    keys = np.repeat(np.arange(len(counts)), counts)
    n = int(share * len(keys))
    drawn = np.bincount(keys[draw_spread([family(keys)], n).rows], minlength=len(counts))
    holding_back = drawn < counts
    if holding_back.any():
        assert drawn[holding_back].min() >= drawn.max() - 1


def test_references_and_processes_are_spread_at_once():
    rng = np.random.default_rng(5)
    references, processes = rng.integers(0, 12, 2_000), rng.integers(0, 30, (2_000, 2))
    rows = draw_spread([family(references), family(processes)], 240).rows
    assert np.bincount(references[rows]).tolist() == pytest.approx([20] * 12, abs=2)
    assert np.bincount(processes[rows].ravel()).tolist() == pytest.approx([16] * 30, abs=3)
    per_process = np.bincount(processes[:240].ravel())
    assert per_process.max() - per_process.min() > 12  # the plain draw is nowhere near


def test_rows_that_are_equal_come_in_the_order_of_their_lots():
    assert draw_spread([family([0, 1, 2, 3])], 3).rows.tolist() == [0, 1, 2]


def test_keys_that_were_used_less_in_other_bins_come_first():
    earlier = [np.array([9, 3, 0, 6])]
    assert draw_spread([family([0, 1, 2, 3])], 3, earlier=earlier).rows.tolist() == [2, 1, 3]


def test_use_in_other_bins_is_made_up_for_by_half():
    keys = [0] * 100 + [1] * 100
    rows = draw_spread([family(keys)], 100, earlier=[np.array([120, 80])]).rows
    assert np.bincount(np.array(keys)[rows]).tolist() == pytest.approx([45, 55], abs=1)


def test_a_key_over_all_rows_is_still_drawn_from():
    spread = draw_spread([family([0] * 20, 0.1)], 10)
    assert len(spread.rows) == 10
    assert spread.n_over_cap == 9
