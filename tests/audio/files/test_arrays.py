"""Recordings in memory: which side is time, and what is no recording."""

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.files.arrays import as_frames
from musqa_pipeline.core.errors import UnfitInputError

STEREO = np.random.default_rng(0).uniform(-1, 1, (480, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "samples",
    [
        STEREO, STEREO.T, STEREO.astype(np.float64), STEREO.tolist(), STEREO.T.tolist(),
        torch.from_numpy(STEREO), torch.from_numpy(STEREO.T.copy()).requires_grad_(),
    ],
)  # fmt: skip
def test_either_side_may_be_time(samples):
    frames = as_frames(samples)
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, STEREO)


def test_one_channel_needs_no_side():
    np.testing.assert_array_equal(as_frames(STEREO[:, 0]), STEREO[:, :1])


@pytest.mark.parametrize("shape", [(64, 2), (2, 64), (65, 65)])
def test_where_both_sides_could_be_time_it_is_the_first(shape):
    assert as_frames(np.zeros(shape, np.float32)).shape == shape


@pytest.mark.parametrize("shape", [(65, 64), (64, 65)])
def test_the_longer_side_is_time_where_the_other_could_not_be(shape):
    assert as_frames(np.zeros(shape, np.float32)).shape == (65, 64)


@pytest.mark.parametrize(
    ("dtype", "step"), [(torch.bfloat16, 2**-8), (torch.float16, 2**-11), (torch.float32, 0)]
)
def test_coarse_tensors_are_read(dtype, step):
    frames = as_frames(torch.from_numpy(STEREO).to(dtype))
    np.testing.assert_allclose(frames, STEREO, atol=step)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_integers_have_their_own_full_scale(dtype):
    info = np.iinfo(dtype)
    frames = as_frames(np.array([info.min, 0, info.max // 2 + 1], dtype))
    np.testing.assert_array_equal(frames[:, 0], [-1.0, 0.0, 0.5])


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape=\(2, 3, 4\); give it an array of shape \(frames,\)"),
        (np.zeros(9, np.uint8), "dtype=uint8; give it floats, int16 or int32"),
        ([[0.1], [0.1, 0.2]], "inhomogeneous.*; give it an array"),
        (["music"], "dtype=<U5; give it floats"),
        (np.full(9, 1e300), "no level that audio has"),
    ],
)
def test_what_is_no_recording_is_named(samples, message):
    with pytest.raises(UnfitInputError, match=message):
        as_frames(samples)
