"""Cost of `musqa compare` beside musqa's own ViSQOL, one thread each, in one process.

Run ``python benchmarks/intrusive.py [repetitions]``. Both score the same pairs of 10 s, one
reference and what codecs, a filter, a cascade and a delay made of it, in turn; times are medians of
CPU time after a warm-up. The network's time holds all of it: alignment, the spectrograms of both
signals, the layers. ViSQOL is measured both with the reference's own analysis shared by all pairs,
as when a data set is labelled, and with a new one for each pair, as `musqa compare` has it.
Weights do not change the cost: the network's are drawn, unless ``--model RUN`` names a run; then
the agreement of the scores is printed too. Where there is a CUDA device, both are timed there by
the clock, in batches.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numba
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from musqa_pipeline.audio.features.pair_alignment import cut_to_common, find_lag_samples
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.audio.metrics.visqol.torch_batch import TorchReference
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.intrusive.compare import Comparer, pair_images
from musqa_pipeline.learning.networks.insenet import InseNet
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    write_json,
    write_weights,
)
from tests.audio.metrics.visqol.pairs import Pair, make_pairs

PAIRS = [Pair("folk", ids) for ids in ((2,), (10,), (19,), (30,), (36,), (42,), (12, 22))]
PAIRS.append(Pair("folk", (18,), (("late", 1_024),)))
GPU_REPEATS = 16
WANTED_RATIO = 3.0


def cpu_ms(function, *arguments):
    started = time.process_time()
    result = function(*arguments)
    return result, 1e3 * (time.process_time() - started)


def clock_ms(function, *arguments):
    function(*arguments)
    torch.cuda.synchronize()
    started = time.perf_counter()
    result = function(*arguments)
    torch.cuda.synchronize()
    return result, 1e3 * (time.perf_counter() - started)


def drawn_run():
    """Write a run whose weights were drawn; they cost what trained ones do."""
    folder = Path(tempfile.mkdtemp())
    settings = asdict(ModelsSettings(names=("insenet",)))
    write_json(folder / SETTINGS_FILE, {"model": "insenet", "settings": settings})
    torch.manual_seed(0)
    write_weights(folder / WEIGHTS_FILE, InseNet().state_dict())
    return folder


def parts_ms(comparer, reference, degraded, repetitions):
    """Print where the network's time goes."""
    first, second = torch.from_numpy(reference), torch.from_numpy(degraded)
    times = {"alignment": [], "spectrograms": [], "network": []}
    with torch.inference_mode():
        for _ in range(repetitions):
            lag, ms = cpu_ms(find_lag_samples, first, second)
            times["alignment"].append(ms)
            signals = torch.stack(cut_to_common(first, second, lag))[None]
            images, ms = cpu_ms(pair_images, signals)
            times["spectrograms"].append(ms)
            times["network"].append(cpu_ms(comparer.network, images)[1])
    print(", ".join(f"{name} {statistics.median(ms):.2f} ms" for name, ms in times.items()))


def on_a_gpu(folder, reference, degraded):
    if not torch.cuda.is_available():
        print("CUDA: not run, there is no device here")
        return
    comparer, engine = Comparer(folder, device="cuda"), TorchReference(reference, device="cuda")
    many = degraded * GPU_REPEATS
    _, ours_ms = clock_ms(comparer.compare_batch, [(reference, x) for x in many])
    _, theirs_ms = clock_ms(engine.score_batch, many)
    n, name = len(many), torch.cuda.get_device_name()
    print(f"{name}: network {ours_ms / n:.2f} ms a pair, ViSQOL {theirs_ms / n:.2f} ms a pair")
    print(f"GPU ratio {theirs_ms / ours_ms:.1f}x")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repetitions", nargs="?", type=int, default=9)
    parser.add_argument("--model", type=Path, help="folder of a run of insenet")
    arguments = parser.parse_args()
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    pairs = list(make_pairs(PAIRS))
    reference = np.array(pairs[0][1], np.float32)
    degraded = [np.array(x, np.float32) for *_, x in pairs]
    folder = arguments.model or drawn_run()
    comparer = Comparer(folder)
    ours, shared, once = [], [], []
    with threadpool_limits(limits=1):
        engine = Reference(reference)
        mos = [engine.score(x).mos for x in degraded]
        predicted = [comparer.compare(reference, x).mos for x in degraded]
        for _ in range(arguments.repetitions):
            bound, ms = cpu_ms(Reference, reference)
            once.append(ms)
            for x in degraded:
                shared.append(cpu_ms(bound.score, x)[1])
                ours.append(cpu_ms(comparer.compare, reference, x)[1])
        parts_ms(comparer, reference, degraded[0], 5 * arguments.repetitions)
        on_a_gpu(folder, reference, degraded)
    ours_ms, shared_ms = statistics.median(ours), statistics.median(shared)
    alone_ms = shared_ms + statistics.median(once)
    print(f"network, whole      {ours_ms:6.2f} ms a pair of 10 s, {len(ours)} measured")
    print(f"ViSQOL, shared      {shared_ms:6.2f} ms a pair, with a new reference {alone_ms:.2f} ms")
    if arguments.model:
        print(f"r on these {len(mos)} pairs {np.corrcoef(mos, predicted)[0, 1]:.4f}")
    ratio = shared_ms / ours_ms
    print(f"ratio {ratio:.1f}x ({alone_ms / ours_ms:.1f}x with a new reference for each pair)")
    if ratio < WANTED_RATIO:
        raise SystemExit(f"below the {WANTED_RATIO:g}x that is wanted")


if __name__ == "__main__":
    main()
