"""Masks and negatives."""

from dataclasses import replace

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.pretraining.chance import draw, draw_masks
from musqa_pipeline.learning.pretraining.recipe import PAPER, SMALL


def seeded(seed=0):
    return np.random.default_rng(seed)


def test_half_of_the_frames_are_masked_in_stretches():
    masks = draw_masks(1, 781, fraction=0.65, length=10, rng=seeded())
    is_masked = np.zeros(781, bool)
    is_masked[masks[0]] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_masked, [0]])))
    assert (edges[1::2] - edges[::2]).min() >= 10
    shares = [
        draw_masks(1, 781, fraction=0.65, length=10, rng=seeded(i)).size / 781 for i in range(50)
    ]
    assert np.mean(shares) == pytest.approx(0.49, abs=0.01)  # Baevski et al., 2020, section 4.2


def test_crops_have_as_many_masked_frames_each_in_order_and_once():
    masks = draw_masks(12, SMALL.n_frames, fraction=0.65, length=10, rng=seeded())
    assert (np.diff(masks, axis=1) > 0).all()
    assert masks.min() >= 0
    assert masks.max() < SMALL.n_frames
    assert len({tuple(mask) for mask in masks}) == 12


def test_there_are_two_stretches_at_least_and_no_more_than_begin():
    assert draw_masks(1, 98, fraction=1e-9, length=10, rng=seeded()).size in range(11, 21)
    assert draw_masks(1, 5, fraction=1.0, length=4, rng=seeded()).tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("elsewhere", [0, 7])
def test_negatives_are_other_masked_frames_all_as_likely(elsewhere):
    recipe = replace(SMALL, negatives=2000, negatives_elsewhere=1000 * elsewhere)
    drawn = draw(3, recipe, seeded())
    n_masked = drawn.masked_nm.shape[1]
    assert drawn.n_pool == n_masked * (3 if elsewhere else 1)
    assert (drawn.negatives_nmk != drawn.own_nm[:, :, None]).all()
    crop_nmk = drawn.negatives_nmk // n_masked if elsewhere else np.zeros_like(drawn.negatives_nmk)
    own_n = np.arange(3)[:, None, None] if elsewhere else 0
    assert (crop_nmk[:, :, :2000] == own_n).all()
    assert (crop_nmk[:, :, 2000:] != own_n).all()
    for first, n, others in ((0, 2000, n_masked - 1), (2000, 1000 * elsewhere, 2 * n_masked)):
        part = drawn.negatives_nmk[1, 5, first : first + n]
        counts = np.unique(part, return_counts=True)[1]
        if n:
            assert len(counts) == others
            assert abs(counts - n / others).max() < 6 * np.sqrt(n / others)


def test_multiplicities_count_negatives_and_the_frame_itself_once():
    drawn = draw(2, replace(SMALL, negatives=5, negatives_elsewhere=4), seeded())
    counts = drawn.multiplicities()
    assert counts.shape == (*drawn.own_nm.shape, drawn.n_pool)
    for crop, frame in np.ndindex(drawn.own_nm.shape):
        expected = np.zeros(drawn.n_pool)
        for place in drawn.negatives_nmk[crop, frame]:
            expected[place] += 1
        expected[drawn.own_nm[crop, frame]] += 1
        np.testing.assert_array_equal(counts[crop, frame], expected)


def test_chance_is_the_generators_alone():
    first, again, other = (draw(2, PAPER, seeded(i)) for i in (4, 4, 5))
    np.testing.assert_array_equal(first.masked_nm, again.masked_nm)
    np.testing.assert_array_equal(first.negatives_nmk, again.negatives_nmk)
    assert not np.array_equal(first.negatives_nmk[:1, :1], other.negatives_nmk[:1, :1])


def test_a_crop_alone_has_none_beside_it():
    with pytest.raises(SettingsError, match="negatives_elsewhere=3 with one crop an update; raise"):
        draw(1, replace(SMALL, negatives_elsewhere=3), seeded())
