"""What an opinion of an image metric costs a pair of 10 s, beside ViSQOL's label and torchmetrics.

One thread, CPU seconds, medians of rounds in which each is timed once; the reference is bound
beforehand, the degraded signal's mel image is in the time. MS-SSIM of torchmetrics starts from two
images, and so does ours in that line. Then what a pair of 30 s, 128 bands, costs alone and as one
of all pairs of 930 clips, as many as GTZAN has; clips are shifts of one. Then a training step of an
autoencoder under each loss, in float32: 32 channels, 8 images of white noise of 128 x 128. Then, on
a GPU that torch sees, pairs of images of 10 s a second in batches. The last line is how many times
NLPD's time ViSQOL takes::

    python benchmarks/perceptual.py [rounds]
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.clip_image import clip_image
from musqa_pipeline.audio.metrics.perceptual.ms_ssim import MsSsim, ms_ssim
from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd
from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.audio.metrics.registry import METRICS, SECOND_OPINIONS, find_opinion
from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede torchmetrics
from musqa_pipeline.learning.autoencoders.inputs import white_noise
from musqa_pipeline.learning.autoencoders.learner import ReconstructionLearner
from musqa_pipeline.learning.autoencoders.losses import LOSSES
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.autoencoders.train import untrained
from musqa_pipeline.learning.classification.distances import BLOCK, COMPARED, DESCRIBED, as_tensor
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.training.batches import Share

from torchmetrics.functional.image import (  # isort: skip
    multiscale_structural_similarity_index_measure as torchmetrics_ms_ssim,
)

LENGTH_S = 10.0
SKIPPED = {"zimtohrli"}
"""No image metric, and an extra."""
CLIP_S, N_CLIPS, N_GTZAN = 30.0, 16, 930
ALONE = {
    "mse": lambda one, other: (one - other).double().square().mean(),
    "ms_ssim": lambda one, other: MsSsim(one).score(other),
    "nlpd": lambda one, other: Nlpd(one).distance(other),
}
N_CHANNELS = 32
GPU_BATCH, GPU_REPEATS = 64, 8


def cpu_s(call):
    started = time.process_time()
    call()
    return time.process_time() - started


def all_pairs(rounds):
    """Print what pairs of clips cost, and return how many times less as one of all."""
    samples = TrackPlan(0, 1, CLIP_S).samples().T
    image = clip_image(samples, SAMPLE_RATE_HZ)
    clips = as_tensor(np.stack([np.roll(image, 80 * k, axis=1) for k in range(N_CLIPS)]))
    rows = -(-N_GTZAN // BLOCK)
    n_described, n_pairs = BLOCK * rows * (rows + 1) / 2, N_GTZAN * (N_GTZAN + 1) / 2
    total_s = alone_s = 0.0
    for metric in DESCRIBED:
        blocks = DESCRIBED[metric](clips)
        calls = {
            "described": lambda metric=metric: DESCRIBED[metric](clips),
            "compared": lambda metric=metric, b=blocks: COMPARED[metric](b, b, True),
            "alone": lambda metric=metric: ALONE[metric](clips[:1], clips[1:2]),
        }
        for call in calls.values():
            call()
        taken_s = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                taken_s[name].append(cpu_s(call))
        median_s = {name: statistics.median(values) for name, values in taken_s.items()}
        n_compared = N_CLIPS**2 if metric != "ms_ssim" else N_CLIPS * (N_CLIPS + 1) / 2
        metric_s = n_described * median_s["described"] / N_CLIPS
        metric_s += n_pairs * median_s["compared"] / n_compared
        print(
            f"{metric}, {N_GTZAN} clips: {metric_s / 60:.1f} CPU-minutes, a pair alone "
            f"{1000 * median_s['alone']:.2f} ms, as one of all {1000 * metric_s / n_pairs:.2f} ms, "
            f"{n_pairs * median_s['alone'] / metric_s:.1f} times"
        )
        total_s, alone_s = total_s + metric_s, alone_s + n_pairs * median_s["alone"]
    print(f"all_pairs_cpu_minutes {total_s / 60:.1f}")
    print(f"alone_over_all_pairs {alone_s / total_s:.1f}")


def stepper(loss):
    """Return what does one step of training."""
    recipe = AutoencoderRecipe(loss=loss, n_channels=N_CHANNELS)
    network = untrained(recipe, 0).train().requires_grad_(True)
    learner = ReconstructionLearner(network, TrainingSettings(), folder=Path())
    optimizer = learner.configure_optimizers()
    noise = white_noise(recipe.batch_size, recipe.side, seed=0, step=0)
    batch = Share(torch.from_numpy(noise), None, recipe.batch_size, 1.0)

    def step():
        optimizer.zero_grad()
        learner.training_step(batch, 0).backward()
        optimizer.step()

    return step


def training_steps(rounds):
    """Print what a step costs, the losses in turn."""
    steps = {loss: stepper(loss) for loss in LOSSES}
    for step in steps.values():
        step()
    taken_s = {loss: [] for loss in steps}
    for _ in range(rounds):
        for loss, step in steps.items():
            taken_s[loss].append(cpu_s(step))
    for loss, values in taken_s.items():
        print(f"a training step, {loss}: {statistics.median(values):.3f} s")


def on_a_gpu(image, other):
    """Print how many pairs of images a second a GPU compares; the images lie there already."""
    if not torch.cuda.is_available():
        print("pairs on a GPU: not run: no GPU")
        return
    ours = image.cuda().expand(GPU_BATCH, -1, -1, -1).contiguous()
    theirs = other.cuda().expand(GPU_BATCH, -1, -1, -1).contiguous()
    for metric, compare in ALONE.items():
        compare(ours, theirs)
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(GPU_REPEATS):
            compare(ours, theirs)
        torch.cuda.synchronize()
        pairs_a_s = GPU_REPEATS * GPU_BATCH / (time.perf_counter() - started)
        print(f"{torch.cuda.get_device_name()}, {metric}: {pairs_a_s:,.0f} pairs a second")


def main():
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    stereo = TrackPlan(0, 1, LENGTH_S).samples()
    reference = stereo.mean(axis=0).astype(np.float32)[: int(LENGTH_S * SAMPLE_RATE_HZ)]
    noise = np.random.default_rng(0).standard_normal(len(reference))
    degraded = (reference + 0.01 * noise).astype(np.float32)
    images = PairImages(reference)
    image, other = images.reference, images.degraded(degraded)
    bound = {"visqol": METRICS["visqol"](reference)}
    bound |= {
        name: find_opinion(name)(reference) for name in SECOND_OPINIONS if name not in SKIPPED
    }
    calls = {name: lambda metric=metric: metric.score(degraded) for name, metric in bound.items()}
    calls["MS-SSIM of two images"] = lambda: ms_ssim(image, other, floor="relu")
    calls["the same by torchmetrics"] = lambda: torchmetrics_ms_ssim(other, image, data_range=1.0)
    for call in calls.values():
        call()
    taken_s = {name: [] for name in calls}
    with torch.inference_mode():
        for _ in range(rounds):
            for name, call in calls.items():
                taken_s[name].append(cpu_s(call))
    median_s = {name: statistics.median(values) for name, values in taken_s.items()}
    for name, seconds in median_s.items():
        print(f"{name}: {1000 * seconds:.1f} ms")
    with torch.inference_mode():
        all_pairs(rounds)
        on_a_gpu(image, other)
    training_steps(rounds)
    peer = median_s["the same by torchmetrics"] / median_s["MS-SSIM of two images"]
    print(f"torchmetrics_over_ms_ssim {peer:.1f}")
    print(f"visqol_over_ms_ssim {median_s['visqol'] / median_s['ms_ssim']:.1f}")
    print(f"nlpd_over_visqol {median_s['visqol'] / median_s['nlpd']:.1f}")


if __name__ == "__main__":
    main()
