import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musqa_pipeline.stages.dataset.quotas import fill_evenly, fill_in_proportion

SUPPLY = st.lists(st.integers(0, 200), min_size=1, max_size=25)


@given(size=st.integers(0, 3_000), supply=SUPPLY)
def test_bins_are_filled_evenly_and_what_one_lacks_the_others_give(size, supply):
    quotas, supply = fill_evenly(size, supply), np.array(supply)
    assert quotas.sum() == min(size, supply.sum())
    assert (quotas >= 0).all()
    assert (quotas <= supply).all()
    holding_back = quotas < supply
    if holding_back.any():
        # Nobody who holds back gives less than any other, but for the row that does not divide.
        assert quotas[holding_back].min() >= quotas.max() - 1


def test_a_known_filling():
    assert fill_evenly(100, [5, 100, 40, 0, 100]).tolist() == [5, 32, 31, 0, 32]


@given(size=st.integers(0, 500), supply=SUPPLY)
def test_a_larger_size_never_takes_from_a_bin(size, supply):
    more, less = fill_evenly(size + 30, supply), fill_evenly(size, supply)
    assert (more >= less - 1).all()


@given(
    size=st.integers(0, 3_000),
    parts=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 900)), min_size=1, max_size=6),
)
def test_parts_share_in_proportion_as_far_as_their_supply_goes(size, parts):
    weights, supply = map(np.array, zip(*parts, strict=True))
    shares = fill_in_proportion(size, weights, supply)
    assert (shares >= 0).all()
    assert (shares <= supply).all()
    assert shares[weights == 0].sum() == 0
    assert shares.sum() == min(size, supply[weights > 0].sum())
    holding_back = (shares < supply) & (weights > 0)
    if holding_back.sum() > 1:
        per_weight = shares[holding_back] / weights[holding_back]
        slack = 1 / weights[holding_back].min()
        assert per_weight.max() - per_weight.min() <= 2 * slack + 1e-9


def test_the_papers_share_is_76_to_24():
    assert fill_in_proportion(13_000, [190, 60], [50_000, 15_000]).tolist() == [9_880, 3_120]


def test_what_a_poor_part_lacks_goes_to_the_others_in_proportion():
    assert fill_in_proportion(100, [1, 1, 2], [10, 100, 100]).tolist() == [10, 30, 60]
