"""Windows of mel images."""

import re
from dataclasses import replace

import numpy as np
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.pretraining.framewise_recipe import FramewiseAutoencoderRecipe
from musqa_pipeline.learning.pretraining.windows import Windows

RECIPE = FramewiseAutoencoderRecipe(window_frames=20, window_hop_frames=10, batch_size=3)
IMAGES = [
    np.repeat(np.arange(first, first + n, dtype=np.uint8)[:, None], 48, axis=1)
    for first, n in ((0, 49), (100, 19), (150, 20), (200, 55))
]


def test_windows_overlap_and_the_short_and_the_rest_are_not_heard():
    windows = Windows(IMAGES, RECIPE, seed=0)
    cells = windows.cells(np.arange(len(windows)))
    assert cells.shape == (8, 20, 48)
    firsts = [0, 10, 20, 150, 200, 210, 220, 230]
    expected = np.array(firsts)[:, None] + np.arange(20)
    np.testing.assert_allclose(cells, np.repeat(expected[..., None], 48, axis=2) / 255, rtol=1e-6)
    np.testing.assert_array_equal(np.concatenate(list(windows.in_order())), cells)


def test_each_pass_hears_every_window_once_in_an_order_of_its_own():
    windows = Windows(IMAGES, RECIPE, seed=1)
    orders = []
    for epoch in range(3):
        batches = list(windows(epoch))
        assert [len(numbers) for _, numbers in batches] == [3, 3, 2]
        for cells, numbers in batches:
            np.testing.assert_array_equal(cells, windows.cells(numbers))
        orders.append(tuple(np.concatenate([numbers for _, numbers in batches]).tolist()))
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(8))}
    assert len(set(orders)) == 3
    assert np.concatenate([n for _, n in Windows(IMAGES, RECIPE, 2)(0)]).tolist() != orders[0]
    halved = Windows(IMAGES, RECIPE, seed=1, checkpoint_updates=2)
    heard = [n for epoch in range(3) for _, n in halved(epoch)]
    assert tuple(np.concatenate(heard).tolist()) == orders[0] + orders[1]


def test_what_has_no_window_or_other_bands_is_refused():
    with pytest.raises(StageError, match="none of 2 recordings has window_frames=56 frames of 10"):
        Windows([IMAGES[0], IMAGES[3]], replace(RECIPE, window_frames=56), seed=0)
    with pytest.raises(StageError, match="none of 0 recordings"):
        Windows([], RECIPE, seed=0)
    for image, text in (
        (IMAGES[0][:, :40], "image 1 has frames of shape (40,) in uint8, expected (48,) in uint8"),
        (IMAGES[0] / 255, "image 1 has frames of shape (48,) in float64, expected (48,) in uint8"),
    ):
        with pytest.raises(StageError, match=re.escape(text)):
            Windows([IMAGES[0], image], RECIPE, seed=0)
