"""What a network costs: parameters, time for 10 s of audio, minutes of training."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from musqa_pipeline.learning.entry import InputSpec, TrainingSettings
from musqa_pipeline.learning.registry import find_model

N_RUNS = 9
"""Forward passes that are timed, after one that is not."""


@dataclass(frozen=True)
class Cost:
    """What one network costs."""

    model: str
    trainable_parameters: int
    total_parameters: int
    """With those of a frozen backbone."""
    forward_ms: float
    """Median time for the image of 10 s on one core, without making the image."""
    training_minutes: float | None
    """Of the run; None for a network that was not trained, or not to its end."""
    device: str
    """What it was trained on; empty if it was not."""


def count_parameters(network: nn.Module) -> tuple[int, int]:
    """Count the parameters of a network.

    Parameters
    ----------
    network : nn.Module
        On any device, meta included.

    Returns
    -------
    trainable, total : int
        Those that training moves, and all.
    """
    parameters = list(network.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    return trainable, sum(p.numel() for p in parameters)


def forward_ms(network: nn.Module, spec: InputSpec, *, n_runs: int = N_RUNS) -> float:
    """Measure how long a network looks at 10 s of audio, on one core.

    Parameters
    ----------
    network : nn.Module
        On the CPU; its mode is put back.
    spec : InputSpec
        What it eats; the values of the image do not matter.
    n_runs : int
        Passes that are timed.

    Returns
    -------
    float
        Median in milliseconds, one image at a time, in evaluation mode. It is the processor's
        time, which on one thread is the time that a pass takes when nothing else runs.
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


def measure_costs(runs: Iterable[Mapping[str, Any]], *, n_runs: int = N_RUNS) -> list[Cost]:
    """Measure what the networks of some runs cost.

    Parameters
    ----------
    runs : iterable of mapping
        Rows of the table `runs`, with `model`, `settings_json`, `finished`, `minutes`, `device`.
    n_runs : int
        Forward passes that are timed for each.

    Returns
    -------
    list of Cost
        In the order of the runs. Networks are built with weights of chance, which changes no cost
        and needs no file.
    """
    costs = []
    for row in runs:
        entry = find_model(row["model"])
        values = json.loads(row["settings_json"])
        settings = TrainingSettings.of({**values, "backbone_weights": "random"})
        with torch.random.fork_rng(devices=[]):
            network = entry.build(settings)
        trainable, total = count_parameters(network)
        costs.append(
            Cost(
                model=row["model"],
                trainable_parameters=trainable,
                total_parameters=total,
                forward_ms=forward_ms(network, entry.input, n_runs=n_runs),
                training_minutes=row["minutes"] if row["finished"] else None,
                device=row["device"],
            )
        )
    return costs
