"""What a GAN costs: steps, the loader beside them, memory, and a scored segment.

``python benchmarks/gan.py [--size 64 --g-width 8 --d-width 16]``: medians of the same run, taken in
turn, on a GPU if there is one; scores always on one core of the CPU, resampling from 48 kHz
included. The loader draws segments of tracks that are mapped into memory and makes their images. A
step of the generator takes two batches of real images, one for each step of the discriminator. The
last line says how many times as many images a second the loader makes as the steps take.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.learning.device import device_name, find_device, find_precision
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan.critic import untrained_critic
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.learner import BATCHES_A_STEP, AdversarialLearner
from musqa_pipeline.learning.gan.pair import Pair
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.tracks import SegmentBatches, Track, Tracks, write_tracks
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.speed import peak_flop_per_s

TRACK_S = 60
SEGMENT_S = SEGMENT_SAMPLES / 48_000


def write_noise(path, gan):
    """Write a track for each genre and three more, of noise: no step looks at what it is."""
    rng = np.random.default_rng(0)
    n_samples = TRACK_S * gan.images.sample_rate_hz
    write_tracks(
        path,
        (
            Track(f"t{index}", index % gan.n_genres, rng.integers(-3000, 3000, n_samples, np.int16))
            for index in range(gan.n_genres + 3)
        ),
        gan.images,
    )
    return Tracks([path], gan.images)


class Stepper:
    """The steps of a training, one at a time."""

    def __init__(self, gan, device, precision):
        torch.manual_seed(0)
        self.device = device
        self.learner = AdversarialLearner(Pair(gan), TrainingSettings(), folder=Path()).to(device)
        self.learner.train()
        self.of_generator, self.of_discriminator = self.learner.configure_optimizers()
        self.mixed = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision)
        real = torch.rand(gan.batch_size, 1, gan.size, gan.size, device=device) * 2 - 1
        genres = torch.arange(gan.batch_size, device=device) % gan.n_genres
        self.batch = Share(real, genres, gan.batch_size, 1.0)

    def discriminator(self):
        """Move the discriminator."""
        real, genres = self.batch.inputs, self.batch.targets
        return self._moved(
            self.of_discriminator,
            lambda: self.learner.loss_of_discriminator(real, genres, self.batch),
        )

    def generator(self):
        """Move the generator."""
        network = self.learner.network.discriminator.requires_grad_(False)
        seconds = self._moved(self.of_generator, lambda: self.learner.loss_of_generator(self.batch))
        network.requires_grad_(True)
        return seconds

    def _moved(self, optimizer, loss_of):
        started = time.perf_counter()
        with torch.autocast(self.device.type, self.mixed, enabled=self.mixed is not None):
            loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # a GPU is waited for
        return time.perf_counter() - started


def loading_s(batches, spec, device, epoch):
    """Seconds a batch: segments drawn, and their images made."""
    started = time.perf_counter()
    for pcm, _ in batches(epoch):
        images = images_of(torch.from_numpy(pcm).to(device), spec)
    images.sum().item()
    return (time.perf_counter() - started) / batches.n_batches


def scoring_s(critic, segments):
    """CPU seconds a segment, from 48 kHz."""
    started = time.process_time()
    rate = critic.settings.images.sample_rate_hz
    critic.score(np.stack([pcm_at_rate(segment, rate) for segment in segments]))
    return (time.process_time() - started) / len(segments)


def print_share_of_peak(steps, device, precision, step_s):
    with FlopCounterMode(display=False) as counter:
        for _ in range(BATCHES_A_STEP):
            steps.discriminator()
        steps.generator()
    flops = counter.get_total_flops()
    tf32 = bool(torch.backends.cudnn.allow_tf32)
    peak = peak_flop_per_s(device_name(device), precision, tf32=tf32)
    share = (
        "not run: no GPU whose peak is known" if peak is None else f"{flops / step_s / peak:.3f}"
    )
    print(f"share of a GPU's peak: {share} ({flops / 1e9:.3g} GFLOP a step)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--g-width", type=int, default=8)
    parser.add_argument("--d-width", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--genres", type=int, default=4)
    parser.add_argument("--band", default="16k", choices=["16k", "48k"])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    device = find_device()
    precision = find_precision(arguments.precision, device)
    gan = GanRecipe(
        size=arguments.size, band=arguments.band, g_width=arguments.g_width,
        d_width=arguments.d_width, batch_size=arguments.batch_size, n_genres=arguments.genres,
        described_images=2,
    )  # fmt: skip
    steps, critic = Stepper(gan, device, precision), untrained_critic(gan, 0)
    rng = np.random.default_rng(1)
    segments = [0.1 * rng.standard_normal((SEGMENT_SAMPLES, 2)) for _ in range(4)]
    measured = {"loader": [], "discriminator": [], "generator": [], "score": []}
    with tempfile.TemporaryDirectory() as folder:
        batches = SegmentBatches(write_noise(Path(folder) / "tracks", gan), gan.batch_size, 4, 0)
        for run in range(-1, arguments.runs):
            seconds = {
                "loader": loading_s(batches, gan.images, device, run + 1),
                "discriminator": steps.discriminator(),
                "generator": steps.generator(),
            }
            n_threads = torch.get_num_threads()
            torch.set_num_threads(1)
            seconds["score"] = scoring_s(critic, segments)
            torch.set_num_threads(n_threads)
            for name, value in seconds.items() if run >= 0 else ():
                measured[name].append(value)
    medians = {name: statistics.median(values) for name, values in measured.items()}
    step_s = BATCHES_A_STEP * medians["discriminator"] + medians["generator"]
    loader_per_s = gan.batch_size / medians["loader"]
    steps_per_s = BATCHES_A_STEP * gan.batch_size / step_s
    print(f"{device_name(device)}, {precision}, {torch.get_num_threads()} threads")
    print(f"a step of the discriminator: {medians['discriminator']:.4g} s")
    print(f"a step of the generator: {medians['generator']:.4g} s")
    print_share_of_peak(steps, device, precision, step_s)
    print(
        f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB resident"
    )
    if device.type == "cuda":
        print(f"most memory of the GPU: {torch.cuda.max_memory_allocated(device) / 1e9:.2f} GB")
    print(
        f"a scored segment: {1e3 * medians['score']:.1f} ms on one core, "
        f"{SEGMENT_S / medians['score']:.0f} times real time"
    )
    print(f"loader: {loader_per_s:.4g} images/s; steps: {steps_per_s:.4g} images/s")
    print(f"loader_over_step {loader_per_s / steps_per_s:.1f}")


if __name__ == "__main__":
    main()
