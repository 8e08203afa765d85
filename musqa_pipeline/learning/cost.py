"""What a network costs: parameters, and time for 10 s of audio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from musqa_pipeline.learning.entry import InputSpec, TrainingSettings
from musqa_pipeline.learning.registry import find_model

N_RUNS = 9
"""Forward passes that are timed, after one that is not."""


def count_parameters(network: nn.Module) -> tuple[int, int]:
    """Return how many parameters training moves, and how many there are; on any device."""
    parameters = list(network.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    return trainable, sum(p.numel() for p in parameters)


def forward_ms(network: nn.Module, spec: InputSpec, *, n_runs: int = N_RUNS) -> float:
    """Measure how many milliseconds a network takes for 10 s of audio, on one core of the CPU.

    The median of `n_runs` passes of one image in evaluation mode. It is the processor's time, which
    on one thread is the time that a pass takes when nothing else runs. The network's mode is put
    back.
    """
    image = torch.full((1, spec.n_frames, spec.n_bands), 0.5)
    threads, was_training = torch.get_num_threads(), network.training
    network.eval()
    times = []
    try:
        torch.set_num_threads(1)
        with torch.inference_mode():
            for _ in range(n_runs + 1):
                start = time.thread_time()
                network(image)
                times.append(time.thread_time() - start)
    finally:
        torch.set_num_threads(threads)
        network.train(was_training)
    return 1e3 * statistics.median(times[1:])


def measure_cost(
    model: str, settings: Mapping[str, Any], *, n_runs: int = N_RUNS
) -> dict[str, float]:
    """Measure what a network costs, built with weights of chance, which need no file.

    Parameters
    ----------
    model : str
        A key of the registry.
    settings : mapping
        Of its training, as the table `runs` keeps them.
    n_runs : int
        Forward passes that are timed.

    Returns
    -------
    dict
        ``trainable`` and all ``parameters``, those of a frozen backbone included, and
        ``ms_per_excerpt``, see `forward_ms`.
    """
    entry = find_model(model)
    with torch.random.fork_rng(devices=[]):
        network = entry.build(TrainingSettings.of({**settings, "backbone_weights": "random"}))
    trainable, total = count_parameters(network)
    return {
        "trainable": trainable,
        "parameters": total,
        "ms_per_excerpt": forward_ms(network, entry.input, n_runs=n_runs),
    }
