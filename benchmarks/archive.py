"""What faults of carriers cost: CPU milliseconds on 10 s of music, beside SciPy's nearest thing.

Each works on mono at 48 kHz at an intensity of 60. Beside filters stands a filter of SciPy's,
beside what moves time its resampling by one ratio (it has none that varies), beside what adds noise
its shaping of as much noise, beside what adds clicks its convolution of impulses with one click.
Medians over pairs that are timed one after the other; the last line is the dearest fault, in
multiples of its peer::

    python benchmarks/archive.py [repetitions]
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
from scipy import fft, signal

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.carriers.chains import CARRIERS, FAULTS
from musqa_pipeline.audio.degradations.carriers.fault import Medium

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


def main():
    """Time all faults."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 9
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
