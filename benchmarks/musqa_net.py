"""CPU time of musqa-net for 10 s of music, step by step, beside our ViSQOL engine in the same run.

``python benchmarks/musqa_net.py``: one thread, medians, noise in place of music (no step looks).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.features.bands import band_image
from musqa_pipeline.audio.features.descriptors import describe
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.learning.networks.musqa_net import MusqaNet

RUNS = 20


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    reference = (0.05 * rng.standard_normal(EXCERPT_SAMPLES)).astype(np.float32)
    degraded = reference + (0.002 * rng.standard_normal(EXCERPT_SAMPLES)).astype(np.float32)
    image = band_image(degraded)
    network = MusqaNet().eval()
    images = torch.from_numpy(image[None].astype(np.float32) / 255)
    with torch.no_grad():
        steps: dict[str, Callable[[], object]] = {
            "loudness": lambda: integrated_lufs(degraded),
            "band image": lambda: band_image(degraded),
            "network (torch)": lambda: network(images),
            "descriptive features": lambda: describe(image),
            "ViSQOL, our engine, reference included": lambda: Reference(reference).score(degraded),
        }
        spent: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(RUNS):
            for name, step in steps.items():
                started = time.process_time()
                step()
                spent[name].append(1e3 * (time.process_time() - started))
    times_ms = {name: median(values) for name, values in spent.items()}
    for name, value in times_ms.items():
        print(f"{name}: {value:.1f} ms")
    total = sum(times_ms[name] for name in ("loudness", "band image", "network (torch)"))
    engine = times_ms["ViSQOL, our engine, reference included"]
    print(f"musqa-net in all: {total:.1f} ms, {engine / total:.1f} times cheaper than ViSQOL")


if __name__ == "__main__":
    main()
