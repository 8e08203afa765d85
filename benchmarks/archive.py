"""What archives cost: faults of carriers on 10 s of music, and networks of paper 004.

A fault is timed in CPU milliseconds beside SciPy's nearest thing, on mono at 48 kHz at an intensity
of 60. Beside filters stands a filter of SciPy's, beside what moves time its resampling by one ratio
(it has none that varies), beside what adds noise its shaping of as much noise, beside what adds
clicks its convolution of impulses with one click. Medians over pairs that are timed one after the
other; the last line is the dearest fault, in multiples of its peer::

    python benchmarks/archive.py [--repetitions 9]

A network is timed on one thread: CPU milliseconds for 10 s, its image or samples being there, and
CPU seconds of an update with the batch of its recipe, NISQA's family by how far its pieces are
apart, w2vMOS with the small body. The last line is the memory that all of it took::

    python benchmarks/archive.py --networks [--repetitions 3]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import statistics
import time

import numpy as np
import torch
from scipy import fft, signal

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.cost import measure_cost
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.pretraining.recipe import SMALL
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.learning.training.learner import loss_of, make_optimizer
from musqa_pipeline.stages.models.recipes import recipe_of

INTENSITY = 60.0
CLICK = np.exp(-np.arange(480) / 48.0)
BAND = signal.butter(4, [100, 5_000], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")


def filtered(x):
    """Filter by a band of order 4."""
    return signal.sosfilt(BAND, x)


def filtered_twice(x):
    """Filter forwards and backwards."""
    return signal.sosfiltfilt(BAND, x)


def resampled(x):
    """Change the speed by 0.5 %, and cut."""
    return signal.resample_poly(x, 201, 200)[: len(x)]


def oversampled(x):
    """Saturate at four times the rate."""
    return signal.resample_poly(np.tanh(signal.resample_poly(x, 4, 1)), 1, 4)


def with_noise(x):
    """Add noise whose spectrum is shaped."""
    noise = fft.rfft(np.random.default_rng(0).standard_normal(len(x)))
    return x + fft.irfft(noise / np.sqrt(1 + np.arange(len(noise))), len(x))


def with_clicks(x):
    """Add a click a hundred times a second."""
    impulses = np.zeros(len(x))
    impulses[::480] = 0.1
    return x + signal.oaconvolve(impulses, CLICK)[: len(x)]


PEERS = {
    "band": filtered, "overload": oversampled, "dropout": filtered_twice, "hiss": with_noise,
    "crackle": with_clicks, "scratch": with_clicks, "wow": resampled, "flutter": resampled,
    "speed": resampled, "replay_curve": filtered, "rumble": with_noise, "hum": with_noise,
}  # fmt: skip


def cpu_s(work, *arguments):
    """Time one call."""
    started = time.process_time()
    work(*arguments)
    return time.process_time() - started


FAMILY = ("nisqa", "nisqa_l1", "convmaxpool")
PIECE_HOPS_FRAMES = (4, 16)


def update(network, optimizer, loss, inputs, quality):
    """Move a network by one batch."""
    optimizer.zero_grad()
    loss(network, inputs, quality).backward()
    optimizer.step()


def time_network(name, repetitions, **own):
    """Time an update and an answer of a network, of whose settings some differ."""
    entry = find_model(name)
    recipe = dataclasses.asdict(recipe_of(name, ModelsSettings())) | own
    settings = TrainingSettings.of(recipe)
    network = entry.build(settings).train()
    size = recipe["batch_size"]
    inputs = torch.rand(size, entry.input.n_frames, entry.input.n_bands)
    parts = network, make_optimizer(network, settings), loss_of(entry, settings)
    quality = torch.rand(size)
    taken_s = [cpu_s(update, *parts, inputs, quality) for _ in range(repetitions + 1)][1:]
    return (
        f"{measure_cost(name, recipe)['ms_per_excerpt']:.0f} ms for 10 s, "
        f"{statistics.median(taken_s):.2f} CPU-s an update of {size}"
    )


def time_networks(repetitions):
    """Time all networks."""
    torch.set_num_threads(1)
    for hop in PIECE_HOPS_FRAMES:
        for name in FAMILY:
            told = time_network(name, repetitions, piece_hop_frames=hop)
            print(f"{name}, a piece every {hop} frames: {told}")
    small = json.dumps(dataclasses.asdict(SMALL.architecture))
    print(f"w2v_mos, small: {time_network('w2v_mos', repetitions, body_architecture=small)}")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def main():
    """Time what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", action="store_true")
    parser.add_argument("--repetitions", type=int)
    asked = parser.parse_args()
    if asked.networks:
        time_networks(asked.repetitions or 3)
    else:
        time_faults(asked.repetitions or 9)


def time_faults(repetitions):
    """Time all faults."""
    from musqa_pipeline.audio.degradations.carriers.chains import CARRIERS, FAULTS
    from musqa_pipeline.audio.degradations.carriers.fault import Medium

    music = np.random.default_rng(0).standard_normal(EXCERPT_SAMPLES) * 0.1
    ratios = {}
    for name, fault in FAULTS.items():
        rng = np.random.default_rng(0)
        carrier = next(carrier for carrier, may_be in CARRIERS.items() if name in may_be)
        params = fault.with_intensity(INTENSITY, rng, Medium.draw(carrier, rng))
        fault.apply(music, params)  # compiles
        PEERS[name](music)
        pairs = [
            (cpu_s(fault.apply, music, params), cpu_s(PEERS[name], music))
            for _ in range(repetitions)
        ]
        taken_s = statistics.median(ours for ours, _ in pairs)
        ratios[name] = statistics.median(ours / peer for ours, peer in pairs)
        print(
            f"{name}: {1000 * taken_s:.0f} ms, {ratios[name]:.1f} times "
            f"{PEERS[name].__name__.replace('_', ' ')}"
        )
    print(f"dearest {max(ratios.values()):.1f}x")


if __name__ == "__main__":
    main()
