"""Crops of streams."""

from dataclasses import replace

import numpy as np
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.pretraining.crops import CropBatches
from tests.learning.pretraining.tiny_wav2vec2 import TINY, made_up_streams

RAMP = [np.arange(first, first + n, dtype=np.int16) for first, n in ((0, 1_602), (5_000, 1_600))]


def test_every_place_is_as_likely_as_any_other():
    batches = CropBatches(RAMP, replace(TINY, batch_size=4_000), seed=0)
    crops = batches.crops(0)
    assert (np.diff(crops, axis=1) == 1).all()
    places, counts = np.unique(crops[:, 0], return_counts=True)
    assert places.tolist() == [0, 1, 2, 5_000]
    assert abs(counts - 1_000).max() < 150


def test_a_stream_that_is_too_short_is_never_heard():
    streams = made_up_streams(1_599, 1_700, 0, 1_601, 20)
    crops = CropBatches(streams, replace(TINY, batch_size=300), seed=0).crops(0)
    heard = {bytes(crop) for crop in crops}
    there = {bytes(streams[1][i : i + 1_600]) for i in range(101)}
    there |= {bytes(streams[3][i : i + 1_600]) for i in range(2)}
    assert heard <= there
    with pytest.raises(StageError, match=r"none of 1 streams has 0\.1 s for a crop; add longer"):
        CropBatches(streams[:1], TINY, seed=0)
    with pytest.raises(StageError, match="none of 0 streams"):
        CropBatches([], TINY, seed=0)


def test_crops_are_a_function_of_seed_and_update():
    streams = made_up_streams(9_000, 4_000)
    batches = CropBatches(streams, TINY, seed=1)
    in_order = [crops for epoch in range(3) for crops, _ in batches(epoch)]
    assert len(in_order) == TINY.updates
    for update, crops in enumerate(in_order):
        assert crops.dtype == np.int16
        np.testing.assert_array_equal(crops, CropBatches(streams, TINY, 1).crops(update))
    assert not np.array_equal(in_order[0], in_order[1])
    assert not np.array_equal(in_order[0], CropBatches(streams, TINY, seed=2).crops(0))
