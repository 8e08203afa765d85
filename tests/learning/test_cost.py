import json
import time
from dataclasses import asdict

import torch

from musqa_pipeline.learning.cost import count_parameters, forward_ms, measure_costs
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


def test_costs_join_what_is_measured_with_what_training_took():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    row = {"model": "tiny", "settings_json": json.dumps(asdict(SETTINGS)), "device": "cpu"}
    ended, finished = measure_costs(
        [{**row, "finished": False, "minutes": 3.0}, {**row, "finished": True, "minutes": 4.0}],
        n_runs=3,
    )
    assert (ended.training_minutes, finished.training_minutes) == (None, 4.0)
    assert (finished.model, finished.device) == ("tiny", "cpu")
    assert finished.trainable_parameters == finished.total_parameters == 48 * 12 + 12 + 12 + 1
    assert 0 < finished.forward_ms < 1000
    assert torch.equal(torch.random.get_rng_state(), state)
