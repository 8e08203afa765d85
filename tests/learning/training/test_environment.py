"""A training holds torch steady, and leaves the process as it was."""

import ctypes
import resource

import pytest
import torch

from musqa_pipeline.learning.training.environment import steady_torch

N_CELLS = 20_000_000  # 80 MB, more than glibc keeps by itself


def pages_cleared():
    """Return how many pages of memory the system gave for ten tensors after each other."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(N_CELLS)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_memory_that_a_step_frees_is_there_for_the_next():
    outside = pages_cleared()
    with steady_torch(1):
        pages_cleared()
        inside = pages_cleared()
    assert inside < outside / 10
    assert pages_cleared() > 10 * max(inside, 1)


def test_a_training_leaves_torch_as_it_was():
    n_threads = torch.get_num_threads()
    state = torch.get_rng_state()
    with steady_torch(n_threads + 1):
        assert torch.get_num_threads() == n_threads + 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3)
    assert torch.get_num_threads() == n_threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)
