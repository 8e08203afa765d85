"""Speed of musqa's mel image against librosa's, one thread each, alternating.

Run ``python benchmarks/spectrogram.py``; the last line is ``ratio N.Nx``, librosa's median CPU time
over ours: on one thread that is the time they take when nothing else runs. Both compute the whole
image of 10 s, from samples to 0-1.
"""

import statistics
import time

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.mel import mel_image

RUNS = 60


def librosa_image(samples):
    power = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE_HZ, n_fft=2048, hop_length=256, n_mels=256, pad_mode="constant"
    )
    level_db = librosa.power_to_db(power, ref=np.max, amin=1e-10, top_db=80.0)
    low, high = level_db.min(), level_db.max()
    return ((level_db - low) / (high - low)).T


def main():
    rng = np.random.default_rng(0)
    time_s = np.arange(EXCERPT_SAMPLES) / SAMPLE_RATE_HZ
    chord = sum(np.sin(2 * np.pi * f * time_s) / f for f in (110, 220, 331, 1_760, 9_000))
    samples = (5 * chord + 0.01 * rng.standard_normal(EXCERPT_SAMPLES)).astype(np.float32)
    difference = np.abs(librosa_image(samples) - mel_image(samples).image).max()
    seconds = {librosa_image: [], mel_image: []}
    with threadpool_limits(limits=1):
        for _ in range(RUNS):
            for function, measured in seconds.items():
                start = time.process_time()
                function(samples)
                measured.append(time.process_time() - start)
    theirs, ours = (statistics.median(measured) for measured in seconds.values())
    print(f"largest difference of a cell: {difference:.1e}")
    print(f"librosa {1e3 * theirs:.1f} ms, musqa {1e3 * ours:.1f} ms of CPU (medians of {RUNS})")
    print(f"ratio {theirs / ours:.1f}x")


if __name__ == "__main__":
    main()
