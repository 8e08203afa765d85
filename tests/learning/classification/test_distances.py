"""Distances of all pairs equal those of one pair after the other, whatever the blocks."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.metrics.perceptual.ms_ssim import MsSsim
from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.learning.classification.distances import METRICS, all_distances, as_tensor

torch.set_num_threads(1)


def images(n: int = 5, n_bands: int = 48, n_frames: int = 70) -> np.ndarray:
    """Draw smooth images, two of them alike, one of them but a little different."""
    chance = np.random.default_rng(1)
    rough = chance.standard_normal((n, n_bands, n_frames)).cumsum(axis=1).cumsum(axis=2)
    low, high = (f(rough, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    drawn = np.rint(255 * (rough - low) / (high - low)).astype(np.uint8)
    drawn[2] = drawn[0]
    drawn[3] = np.clip(drawn[1].astype(int) + 1, 0, 255)
    return drawn


def one_by_one(metric, drawn):
    tensors, found = as_tensor(drawn), np.zeros((len(drawn), len(drawn)))
    for i, j in itertools.combinations(range(len(drawn)), 2):
        one, other = tensors[i : i + 1], tensors[j : j + 1]
        found[i, j] = {
            "mse": lambda a, b: (a - b).double().square().mean(),
            "ms_ssim": lambda a, b: 1 - MsSsim(a).score(b),
            "nlpd": lambda a, b: Nlpd(a).distance(b),
        }[metric](one, other)
    return found + found.T


@pytest.mark.parametrize("metric", METRICS)
def test_they_equal_those_of_single_pairs(metric):
    drawn = images()
    found = all_distances(drawn, metric)
    np.testing.assert_allclose(found, one_by_one(metric, drawn), atol=1e-5, rtol=0)
    assert found.max() > 0.01
    np.testing.assert_allclose(found, all_distances(drawn, metric, block=2), atol=1e-6, rtol=0)
    np.testing.assert_allclose(
        found, all_distances(drawn.astype(np.float32) / 255, metric), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("size", [(16, 40), (128, 33)])
def test_windows_that_are_no_multiple_of_four_wide_count_too(size):
    drawn = images(4, *size)
    found = all_distances(drawn, "ms_ssim")
    np.testing.assert_allclose(found, one_by_one("ms_ssim", drawn), atol=1e-5, rtol=0)


def test_after_a_kill_kept_rows_of_blocks_are_not_made_again(tmp_path):
    drawn, rows = images(), []
    whole = all_distances(drawn, "nlpd", block=2)

    def killed():
        rows.append(1)
        if len(rows) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        all_distances(drawn, "nlpd", folder=tmp_path, block=2, after_row=killed)
    assert len(list(tmp_path.iterdir())) == 2
    changed = tmp_path / "nlpd-2-00000.npy"
    np.save(changed, np.load(changed) + 1)
    found = all_distances(drawn, "nlpd", folder=tmp_path, block=2)
    np.testing.assert_array_equal(found[2:, 2:], whole[2:, 2:])
    np.testing.assert_array_equal(found[0, 1:], whole[0, 1:] + 1)


def die_in_the_second_row(folder):
    """Compute distances in a process that SIGKILL ends while its second row is half written."""
    saved, n_rows = np.save, []

    def save(file, row):
        n_rows.append(1)
        if len(n_rows) == 2:
            file.write(b"half a row")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        saved(file, row)

    np.save = save
    all_distances(images(), "nlpd", folder=Path(folder), block=2)


def test_after_kill_9_distances_have_the_same_bytes(tmp_path):
    program = f"import sys, {__name__} as here; here.die_in_the_second_row(sys.argv[1])"
    root = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.glob("*.npy")] == ["nlpd-2-00000.npy"]
    found = all_distances(images(), "nlpd", folder=tmp_path, block=2)
    assert found.tobytes() == all_distances(images(), "nlpd", block=2).tobytes()


@pytest.mark.parametrize("metric", METRICS)
def test_threads_change_nothing(metric):
    drawn, found = images(), []
    try:
        for n_threads in (1, 4):
            torch.set_num_threads(n_threads)
            found.append(all_distances(drawn, metric))
    finally:
        torch.set_num_threads(1)
    np.testing.assert_allclose(*found, atol=1e-6, rtol=0)


def test_cells_outside_0_to_1_are_refused():
    with pytest.raises(UnfitInputError, match="cells go from"):
        all_distances(images().astype(np.float32), "mse")


@pytest.mark.parametrize(("place", "which"), [(1, "2 of 2"), (4, "1 of 1")])
def test_a_constant_clip_is_refused_wherever_it_stands(place, which):
    drawn = images()
    drawn[place] = 51
    with pytest.raises(UnfitInputError, match=f"every cell of image {which} is 0.2; take one"):
        all_distances(drawn, "mse", block=2)
