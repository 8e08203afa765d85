"""How fast the degradations with an intensity are, against the time of the music itself.

Each works on a stereo segment of 4.208 s at an intensity of 60; CPU seconds, medians. The last line
is the slowest, in multiples of real time::

    python benchmarks/intensity.py [repetitions]
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.intensity import INTENSITY_DEGRADATIONS

SEGMENT_SAMPLES = 201_984
INTENSITY = 60.0


def cpu_s(degradation, segment):
    params = degradation.with_intensity(INTENSITY, np.random.default_rng(0))
    started = time.process_time()
    degradation.apply(segment, params)
    return time.process_time() - started


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    rng = np.random.default_rng(0)
    segment = rng.uniform(-1, 1, (SEGMENT_SAMPLES, 2)).astype(np.float32)
    found = {}
    for name, degradation in INTENSITY_DEGRADATIONS.items():
        cpu_s(degradation, segment)  # compiles
        taken_s = statistics.median(cpu_s(degradation, segment) for _ in range(repetitions))
        found[name] = SEGMENT_SAMPLES / SAMPLE_RATE_HZ / taken_s
        print(f"{name}: {found[name]:.0f} times real time")
    print(f"slowest {min(found.values()):.0f}x")


if __name__ == "__main__":
    main()
