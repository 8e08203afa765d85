"""Cost of `musqa compare` beside musqa's own ViSQOL, one thread each.

Run ``python benchmarks/intrusive.py [repetitions]``. Both score the same pairs of 10 s in one
process, one reference and what codecs, a filter, a cascade and a delay made of it, in turn; times
are medians of CPU time after a warm-up. The network's time holds all of it: alignment, the
spectrograms of both signals, the layers, as a model file (onnxruntime) and as a training (torch).
ViSQOL is measured both with the reference's own analysis shared by all pairs, as when a data set is
labelled, and with a new one for each pair, as `musqa compare` has it. Then the command itself is
started anew for one pair of files, and for one of 10 minutes: all CPU time of its process, and its
largest memory. Weights do not change the cost: the network's are drawn, unless ``--model RUN``
names a run; then the agreement of the scores is printed too. Where there is a CUDA device, the
training and ViSQOL are timed there by the clock.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numba
import numpy as np
import soundfile
import torch
from threadpoolctl import threadpool_limits

from musqa_pipeline.audio.features.gammatone_bands import pair_image
from musqa_pipeline.audio.features.pair_alignment import cut_to_common, find_lag_samples
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.audio.metrics.visqol.torch_batch import TorchReference
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.intrusive.run import TrainedRun
from musqa_pipeline.learning.networks.insenet import InseNet
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    write_json,
    write_weights,
)
from musqa_pipeline.release.model.export import export_run
from musqa_pipeline.scoring.compare import Comparer
from musqa_pipeline.scoring.pair_model import PairModel
from tests.audio.metrics.visqol.pairs import Pair, make_pairs

PAIRS = [Pair("folk", ids) for ids in ((2,), (10,), (19,), (30,), (36,), (42,), (12, 22))]
PAIRS.append(Pair("folk", (18,), (("late", 1_024),)))
GPU_REPEATS = 16
WANTED_RATIO = 2.5
COMMAND = r"""
import json, re, resource, sys
for name in {absent!r}:
    sys.modules[name] = None
from musqa_pipeline.cli.app import main
sys.argv = ["musqa", "compare", *{arguments!r}, "--json"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
used = resource.getrusage(resource.RUSAGE_SELF)
peak = re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())
print(json.dumps([used.ru_utime + used.ru_stime, int(peak[1]) / 1e3]))
"""
ABSENT = ("torch", "pyarrow", "polars", "numba", "pedalboard", "visqol")
"""What the base installation has not."""


def cpu_ms(function, *arguments):
    started = time.process_time()
    result = function(*arguments)
    return result, 1e3 * (time.process_time() - started)


def drawn_run(folder):
    """Write a run whose weights were drawn; they cost what trained ones do."""
    settings = asdict(ModelsSettings(names=("insenet",)))
    write_json(folder / SETTINGS_FILE, {"model": "insenet", "settings": settings})
    torch.manual_seed(0)
    write_weights(folder / WEIGHTS_FILE, InseNet().state_dict())
    return folder


def parts_ms(comparer, reference, degraded, repetitions):
    """Print where the network's time goes."""
    times = {"alignment": [], "spectrograms": [], "network": []}
    for _ in range(repetitions):
        lag, ms = cpu_ms(find_lag_samples, reference, degraded)
        times["alignment"].append(ms)
        image, ms = cpu_ms(pair_image, *cut_to_common(reference, degraded, lag))
        times["spectrograms"].append(ms)
        times["network"].append(cpu_ms(comparer.network.quality, image)[1])
    print(", ".join(f"{name} {statistics.median(ms):.2f} ms" for name, ms in times.items()))


def on_a_gpu(folder, reference, degraded):
    if not torch.cuda.is_available():
        print("CUDA: not run, there is no device here")
        return
    comparer = Comparer(TrainedRun(folder, device="cuda"))
    engine, many = TorchReference(reference, device="cuda"), degraded * GPU_REPEATS

    def clock_ms(function):
        function()
        torch.cuda.synchronize()
        started = time.perf_counter()
        function()
        torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - started) / len(many)

    ours_ms = clock_ms(lambda: [comparer.compare(reference, x) for x in many])
    theirs_ms = clock_ms(lambda: engine.score_batch(many))
    name = torch.cuda.get_device_name()
    print(f"{name}: network {ours_ms:.2f} ms a pair, ViSQOL {theirs_ms:.2f} ms a pair")


def cold(folder, model, reference, degraded, repetitions):
    """Print what the command costs in a process of its own, without the factory's libraries."""
    for minutes, n in ((0, repetitions), (10, 1)):
        files = []
        for name, samples in (("reference.wav", reference), ("degraded.wav", degraded)):
            times = 60 * minutes * 48_000 // len(samples)
            files.append(str(folder / name))
            soundfile.write(files[-1], np.tile(samples, max(1, times))[: 600 * 48_000], 48_000)
        program = COMMAND.format(absent=ABSENT, arguments=[*files, "--model", str(model)])
        ended = [
            subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
            for _ in range(n)
        ]
        found = [json.loads(one.stdout.splitlines()[-1]) for one in ended]
        seconds, mb = statistics.median(s for s, _ in found), max(m for _, m in found)
        what = f"{minutes} minutes" if minutes else "10 s"
        print(f"musqa compare, a pair of {what}: {seconds:.2f} s (least {min(found)[0]:.2f} s), "
              f"{mb:.0f} MB")  # fmt: skip


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
    folder = Path(tempfile.mkdtemp())
    run = arguments.model or drawn_run(folder)
    model = folder / "insenet.onnx"
    export_run(run, model, name="insenet", version="0")
    comparer, trained = Comparer(PairModel(model)), Comparer(TrainedRun(run))
    ours, torchs, shared, once = [], [], [], []
    with threadpool_limits(limits=1):
        engine = Reference(reference)
        mos = [engine.score(x).mos for x in degraded]
        predicted = [comparer.compare(reference, x).mos for x in degraded]
        trained.compare(reference, degraded[0])
        for _ in range(arguments.repetitions):
            bound, ms = cpu_ms(Reference, reference)
            once.append(ms)
            for x in degraded:
                shared.append(cpu_ms(bound.score, x)[1])
                ours.append(cpu_ms(comparer.compare, reference, x)[1])
                torchs.append(cpu_ms(trained.compare, reference, x)[1])
        parts_ms(comparer, reference, degraded[0], 5 * arguments.repetitions)
        on_a_gpu(run, reference, degraded)
    ours_ms, shared_ms = statistics.median(ours), statistics.median(shared)
    alone_ms = shared_ms + statistics.median(once)
    print(f"network, whole      {ours_ms:6.2f} ms a pair of 10 s, {len(ours)} measured")
    print(f"the same in torch   {statistics.median(torchs):6.2f} ms")
    print(f"ViSQOL, shared      {shared_ms:6.2f} ms a pair, with a new reference {alone_ms:.2f} ms")
    if arguments.model:
        print(f"r on these {len(mos)} pairs {np.corrcoef(mos, predicted)[0, 1]:.4f}")
    cold(folder, model, reference, degraded[0], arguments.repetitions)
    ratio = shared_ms / ours_ms
    print(f"ratio {ratio:.1f}x ({alone_ms / ours_ms:.1f}x with a new reference for each pair)")
    if ratio < WANTED_RATIO:
        raise SystemExit(f"below the {WANTED_RATIO:g}x that is wanted")


if __name__ == "__main__":
    main()
