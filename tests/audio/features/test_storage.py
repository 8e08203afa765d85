"""Rounding to bytes and back."""

import numpy as np
import pytest

from musqa_pipeline.audio.features.mel import decode_cells, encode_cells

IMAGE = np.linspace(0, 1, 10_001, dtype=np.float32).reshape(73, 137)


@pytest.mark.parametrize(
    ("storage", "largest_error", "n_bytes"), [("uint8", 1 / 510, 1), ("float16", 1 / 4096, 2)]
)
def test_the_rounding_error_is_half_a_step(storage, largest_error, n_bytes):
    cells = encode_cells(IMAGE, storage)
    error = np.abs(decode_cells(cells) - IMAGE).max()
    assert cells.dtype.itemsize == n_bytes
    assert 0.9 * largest_error < error <= largest_error + 1e-7


@pytest.mark.parametrize("storage", ["uint8", "float16"])
def test_both_ends_of_the_range_are_exact_and_storing_again_changes_nothing(storage):
    once = decode_cells(encode_cells(IMAGE, storage))
    assert once.dtype == np.float32
    assert (once.min(), once.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(decode_cells(encode_cells(once, storage)), once)


@pytest.mark.parametrize("storage", ["uint8", "float16"])
def test_cells_are_decoded_into_a_batch_in_place(storage):
    cells = encode_cells(IMAGE, storage)
    batch = np.full((2, *IMAGE.shape), np.nan, np.float32)
    assert decode_cells(cells, out=batch[1]).base is batch
    np.testing.assert_array_equal(batch[1], decode_cells(cells))
    assert np.isnan(batch[0]).all()
