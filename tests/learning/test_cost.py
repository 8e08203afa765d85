import time
from dataclasses import asdict

import torch

from musqa_pipeline.learning.cost import count_parameters, forward_ms, measure_cost
from tests.learning.tiny import SETTINGS, SPEC, Tiny


class Slow(Tiny):
    def __init__(self):
        super().__init__()
        self.hidden.requires_grad_(False)
        self.modes, self.shapes, self.threads = [], [], []

    def forward(self, images):
        first = not self.modes
        self.modes.append(self.training)
        self.shapes.append(tuple(images.shape))
        self.threads.append(torch.get_num_threads())
        start = time.thread_time()
        while time.thread_time() - start < (0.1 if first else 0.01):
            pass
        return super().forward(images)


def test_parameters_that_stay_are_counted_apart():
    assert count_parameters(Slow()) == (12 + 1, 48 * 12 + 12 + 12 + 1)


def test_a_pass_is_timed_one_image_at_a_time_on_one_core_and_warm(two_threads):
    network = Slow().train()
    found = forward_ms(network, SPEC, n_runs=5)
    assert 10 <= found < 100  # the first pass is not in the median
    assert network.shapes == [(1, SPEC.n_frames, SPEC.n_bands)] * 6
    assert network.modes == [False] * 6
    assert network.threads == [1] * 6
    assert network.training
    assert torch.get_num_threads() == 2


def test_a_cost_is_measured_with_weights_of_chance_and_leaves_torchs_generator_alone():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    found = measure_cost("tiny", {**asdict(SETTINGS), "names": ["tiny"]}, n_runs=3)
    assert found["trainable"] == found["parameters"] == 48 * 12 + 12 + 12 + 1
    assert 0 < found["ms_per_excerpt"] < 1000
    assert torch.equal(torch.random.get_rng_state(), state)
