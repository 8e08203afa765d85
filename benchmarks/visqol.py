"""Speed of musqa's ViSQOL against visqol-python's, one thread each, alternating in one process.

Run ``python benchmarks/visqol.py [repetitions]``. Both score the same pairs of 10 s: one
reference and what codecs, a filter, a cascade and a delay made of it. visqol-python is called by
its public interface, compiled by numba. Times are medians of CPU time, after a warm-up, per FFT
library that is installed here (visqol-python takes FFTW by itself where there is one); scores are
compared first. The last lines are ``ratio``: visqol-python's time over that of the exact path, then
of the fast one, with the library that musqa chooses by itself, the reference's own cost shared by
as many pairs as in the paper (275 excerpts of each reference).

``python benchmarks/visqol.py --minutes 5`` scores one long pair instead and prints time and
memory.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import sys
import time
from pathlib import Path

# This file is called like the package that it measures.
sys.path[:] = [p for p in sys.path if Path(p).resolve() != Path(__file__).resolve().parent]

import numba
import numpy as np
import torch
from scipy.signal import butter, sosfilt
from threadpoolctl import threadpool_limits
from visqol.api import VisqolApi

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.metrics.visqol import Reference, fft
from musqa_pipeline.audio.metrics.visqol.torch_batch import TorchReference
from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan
from tests.audio.metrics.visqol.pairs import Pair, make_pairs

PAIRS = [Pair("folk", ids) for ids in ((2,), (10,), (19,), (30,), (36,), (42,), (12, 22))]
PAIRS.append(Pair("folk", (18,), (("late", 1_024),)))
PAIRS_PER_REFERENCE = 275
GPU_REPEATS = 16
PRECISIONS = ("exact", "fast")
TOLERANCE_MOS = {"exact": 1e-9, "fast": 1e-6}


def installed_libraries():
    """Names of the FFT libraries, the one that musqa takes by itself first."""
    chosen = fft.fft_library()
    return ["fftw", "pocketfft"] if chosen == "fftw" else ["pocketfft"]


def use(library):
    os.environ["MUSQA_FFT"] = library
    fft.fft_library.cache_clear()
    fft._planned.cache_clear()


def cpu_ms(function, *arguments):
    started = time.process_time()
    result = function(*arguments)
    return result, 1e3 * (time.process_time() - started)


def compare(repetitions):
    api = VisqolApi()
    api.create(mode="audio")
    pairs = list(make_pairs(PAIRS))
    samples = pairs[0][1]
    theirs_mos = [
        api.measure_from_arrays(samples, degraded, SAMPLE_RATE_HZ).moslqo for *_, degraded in pairs
    ]
    libraries = installed_libraries()
    print(f"{len(pairs)} pairs of 10 s, {repetitions} repetitions, medians of CPU time")
    for library in libraries:
        use(library)
        for precision in PRECISIONS:
            reference = Reference(samples, precision=precision)
            mos = [reference.score(degraded).mos for *_, degraded in pairs]
            worst = float(np.max(np.abs(np.subtract(mos, theirs_mos))))
            print(f"{library} {precision}: largest difference of a MOS {worst:.1e}")
            assert worst <= TOLERANCE_MOS[precision]

    theirs, ours, once = [], {}, {}
    for _ in range(repetitions):
        for *_, degraded in pairs:
            theirs.append(cpu_ms(api.measure_from_arrays, samples, degraded, SAMPLE_RATE_HZ)[1])
        for library in libraries:
            use(library)
            for precision in PRECISIONS:
                Reference(samples, precision=precision).score(pairs[0][2])  # plans its transforms
                reference, ms = cpu_ms(lambda p=precision: Reference(samples, precision=p))
                once.setdefault((library, precision), []).append(ms)
                for *_, degraded in pairs:
                    _, ms = cpu_ms(reference.score, degraded)
                    ours.setdefault((library, precision), []).append(ms)

    theirs_ms = statistics.median(theirs)
    print(f"visqol-python          {theirs_ms:8.1f} ms a pair")
    for key, measured in ours.items():
        pair_ms, once_ms = statistics.median(measured), statistics.median(once[key])
        print(
            f"musqa {key[0]:9} {key[1]:5} {pair_ms:8.1f} ms a pair, {once_ms:6.1f} ms a "
            f"reference; {theirs_ms / (pair_ms + once_ms):.1f}x with a new reference for each pair"
        )
    on_a_gpu(samples, [degraded for *_, degraded in pairs], theirs_mos)
    for precision in PRECISIONS:
        key = libraries[0], precision
        shared_ms = statistics.median(once[key]) / PAIRS_PER_REFERENCE
        ratio = theirs_ms / (statistics.median(ours[key]) + shared_ms)
        print(f"{precision} path with {libraries[0]}:")
        print(f"ratio {ratio:.1f}x")


def on_a_gpu(samples, degraded, theirs_mos):
    """Time batches on the CUDA device, by the clock; its CPU part is done on one thread."""
    if not torch.cuda.is_available():
        print("CUDA: not run, there is no device here")
        return
    many = degraded * GPU_REPEATS
    for precision in PRECISIONS:
        reference = TorchReference(samples, precision=precision, device="cuda")
        mos = [score.mos for score in reference.score_batch(degraded)]
        worst = float(np.max(np.abs(np.subtract(mos, theirs_mos))))
        started = time.perf_counter()
        reference.score_batch(many)
        pair_ms = 1e3 * (time.perf_counter() - started) / len(many)
        name = torch.cuda.get_device_name()
        print(f"{name} {precision}: {pair_ms:.1f} ms a pair, largest difference {worst:.1e}")


def long_pair(minutes):
    seconds = 60.0 * minutes
    # Piece by piece: synthesis of the whole would take more memory than the score.
    pieces = [TrackPlan(i, 11, 20.0).samples().mean(axis=0) for i in range(math.ceil(seconds / 20))]
    samples = np.concatenate(pieces)[: int(seconds * SAMPLE_RATE_HZ)]
    sections = butter(4, 5_000, fs=SAMPLE_RATE_HZ, output="sos")
    degraded = np.roll(sosfilt(sections, samples), 4_800)
    piece = samples[: 2 * SAMPLE_RATE_HZ]
    Reference(piece).score(piece)  # compiles
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    reference, reference_ms = cpu_ms(Reference, samples)
    score, score_ms = cpu_ms(reference.score, degraded)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.0f} s: MOS {score.mos:.3f}, lag {score.lag_samples} samples")
    print(f"reference {reference_ms / 1e3:.2f} s, pair {score_ms / 1e3:.2f} s of CPU")
    print(f"peak memory {peak_mb:.0f} MB, of which {before_mb:.0f} MB were taken before")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("repetitions", nargs="?", type=int, default=5)
    parser.add_argument("--minutes", type=float, help="score one pair of this length instead")
    arguments = parser.parse_args()
    numba.set_num_threads(1)
    with threadpool_limits(limits=1):
        if arguments.minutes:
            long_pair(arguments.minutes)
        else:
            compare(arguments.repetitions)


if __name__ == "__main__":
    main()
