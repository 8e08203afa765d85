"""From one reference to rows that are ready for training: musqa's stages against named peers.

Run ``python benchmarks/end_to_end.py [repetitions] [cascades]``. Both degrade one reference by the
same plan (the 45 singles of the paper and 15 cascades), label each row and make its spectrogram:

- musqa: the unit functions of the stages `degradations`, `labels` and `spectrograms`, with what
  they read from the lake, decode again and write to it;
- peers: a row at a time and in memory, one ffmpeg process for each encode and each decode (both
  halves of a cascade), pyloudnorm, visqol-python's public interface, librosa's mel spectrogram.

Before that samples are compared for equality, images within half a step of the uint8 in which musqa
stores them, and labels within 1e-6 MOS, for which visqol-python gets the envelope of Google's C++
(as it is, it moves the MOS of low-passed music by up to 2e-3). Both run alternately, numerical
libraries on one thread. Times are CPU seconds of this process and of its ffmpegs; medians. The last
line is ``ratio N.Nx``, peers over musqa.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

# A file beside this one is called like a package that it imports.
sys.path[:] = [p for p in sys.path if Path(p).resolve() != Path(__file__).resolve().parent]

import imageio_ffmpeg
import librosa
import numba
import numpy as np
from scipy.signal import butter, sosfilt
from threadpoolctl import threadpool_limits
from visqol.api import VisqolApi

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.codecs import Codec
from musqa_pipeline.audio.degradations.lowpass import lag_samples
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.audio.degradations.rebuild import AUDIO_COLUMNS, degraded_audio
from musqa_pipeline.audio.files.flac import to_int16
from musqa_pipeline.audio.measures.loudness import integrated_lufs
from musqa_pipeline.stages.degradations.apply import BETWEEN_SAMPLES
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.graph import get_stage
from tests.audio.metrics.visqol.oracle import Oracle
from tests.audio.music import music
from tests.stages.degradations.references import context_with_references

TARGET_LUFS = -23.0
STEPS = ("degrade", "label", "spectrogram")
TOLERANCE_MOS = 1e-6
TOLERANCE_IMAGE = 0.5 / 255 + 2e-5
FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error"]


def cpu_s():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


class Stopwatch:
    """CPU seconds by step."""

    def __init__(self):
        self.seconds = dict.fromkeys(STEPS, 0.0)

    def time(self, step, function, *arguments):
        """Call a function, and count what it takes under a step."""
        started = cpu_s()
        result = function(*arguments)
        self.seconds[step] += cpu_s() - started
        return result


def make_context(home, n_cascades):
    """Return a lake that holds the reference ``r0-0``, and knows where the three stages go."""
    context = context_with_references(home, singles=sorted(PROCESSES), n_cascades=n_cascades)
    context = replace(context, fingerprints={**context.fingerprints, "dataset": "d" * 32})
    spectrograms = get_stage("spectrograms").fingerprint(context)
    return replace(context, fingerprints={**context.fingerprints, "spectrograms": spectrograms})


def store(stage, context, unit):
    """Make a unit and write it, as the runner of the stages does."""
    table = stage.make(context, unit)
    groups = stage.row_group_rows(context) if stage.row_group_rows else None
    context.lake.write(
        stage.partition(context),
        unit.unit_id,
        table,
        row_group_rows=groups,
        compression=stage.compression,
    )
    return table


def musqa(context):
    """Return ids, samples, MOS and images of all rows, and CPU seconds by step."""
    watch = Stopwatch()
    (unit,) = get_stage("degradations").units(context)
    degraded = watch.time("degrade", store, get_stage("degradations"), context, unit)
    labels = watch.time("label", store, get_stage("labels"), context, unit)
    rows = [
        {
            **label,
            "catalog": "songs",
            "part": "train",
            "uniform_draw": True,
            "natural_mix": True,
            "units": (unit.unit_id,),
        }
        for label in labels.select(["degraded_id", "excerpt_id", "mos", "quality"]).to_pylist()
    ]
    shard = Unit("train-00000", "train shard 0", {"rows": rows})
    images = watch.time("spectrogram", store, get_stage("spectrograms"), context, shard)
    cells = [
        np.frombuffer(row["image"], np.uint8).reshape(row["n_frames"], row["n_bands"]) / 255
        for row in images.to_pylist()
    ]
    samples = degraded_audio(degraded.select(AUDIO_COLUMNS).to_pylist())
    plan = [[int(i) for i in process.split("_")] for process in degraded["process"].to_pylist()]
    return plan, samples, labels["mos"].to_pylist(), cells, watch.seconds


def piped(arguments, data):
    return subprocess.run(
        [*FFMPEG, *arguments, "pipe:1"], input=data, capture_output=True, check=True
    ).stdout


def processed(pcm, process):
    """One process on 16-bit samples: float samples, its delay dropped."""
    codec = DEGRADATIONS[process.name]
    if not isinstance(codec, Codec):
        cutoff_hz = process.params.cutoff_hz
        sections = butter(4, cutoff_hz, fs=SAMPLE_RATE_HZ, output="sos")
        y = sosfilt(sections, pcm / 32768.0)[lag_samples(process.params) :]
        shift = max(0, np.frexp(np.max(np.abs(y)))[1])  # as 24-bit FLAC holds it
        return np.float32(np.rint(y * 2.0 ** (23 - shift)) / 2.0 ** (23 - shift))
    one, stdin, exact = ["-threads", "1"], ["-i", "pipe:0"], ["-fflags", "+bitexact"]
    floats = ["-f", "f32le"]
    raw = ["-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1", *one, *stdin]
    kbps = process.params.bitrate_kbps
    encoded = piped(
        [*raw, "-c:a", codec.encoder, "-b:a", f"{kbps}k", *one, *exact, "-f", codec.muxer],
        pcm.astype("<i2").tobytes(),
    )
    decoded = piped(
        ["-cpuflags", "0", "-f", codec.demuxer, *one, *stdin, "-c:a", "pcm_f32le", *one, *floats],
        encoded,
    )
    return np.frombuffer(decoded, "<f4")[codec.delay_samples :]


def degraded_by_peers(pcm, process_ids):
    for process_id in process_ids[:-1]:
        pcm = to_int16(processed(pcm, PROCESSES[process_id])[:BETWEEN_SAMPLES])
    x = processed(pcm, PROCESSES[process_ids[-1]])[:EXCERPT_SAMPLES]
    return x * np.float32(10.0 ** ((TARGET_LUFS - integrated_lufs(x)) / 20.0))


def librosa_image(samples):
    power = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE_HZ, n_fft=2048, hop_length=256, n_mels=256, pad_mode="constant"
    )
    level_db = librosa.power_to_db(power, ref=np.max, amin=1e-10, top_db=80.0)
    low, high = level_db.min(), level_db.max()
    return ((level_db - low) / (high - low)).T


def peers(mos_of, pcm, plan):
    watch = Stopwatch()
    reference = pcm[:EXCERPT_SAMPLES].astype(np.float32) / np.float32(32768.0)
    samples, mos, images = [], [], []
    for process_ids in plan:
        x = watch.time("degrade", degraded_by_peers, pcm, process_ids)
        mos.append(watch.time("label", mos_of, reference, x))
        samples.append(x)
        images.append(watch.time("spectrogram", librosa_image, x))
    return samples, mos, images, watch.seconds


def check_equal(ours, theirs):
    for x, y in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_array_equal(x, y)
    worst_mos = np.max(np.abs(np.subtract(ours[1], theirs[1])))
    worst_cell = max(np.abs(a - b).max() for a, b in zip(ours[2], theirs[2], strict=True))
    print(f"samples equal; largest difference of a MOS {worst_mos:.1e}, of a cell {worst_cell:.5f}")
    assert worst_mos <= TOLERANCE_MOS
    assert worst_cell <= TOLERANCE_IMAGE


def main():
    repetitions, n_cascades = [*map(int, sys.argv[1:]), *(2, 15)[len(sys.argv) - 1 :]]
    api = VisqolApi()
    api.create(mode="audio")
    as_google = Oracle()
    pcm = to_int16(music())
    times = {"musqa": [], "peers": []}
    numba.set_num_threads(1)
    with threadpool_limits(limits=1), tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder), n_cascades)
        plan, *ours, _ = musqa(context)  # compiles, and shows that both do the same work
        *theirs, _ = peers(lambda r, x: as_google.score(r, x).mos, pcm, plan)
        check_equal(ours, theirs)
        for _ in range(repetitions):
            times["musqa"].append(musqa(context)[-1])
            times["peers"].append(
                peers(lambda r, x: api.measure_from_arrays(r, x, SAMPLE_RATE_HZ), pcm, plan)[-1]
            )
    n_rows = len(plan)
    median = {
        who: {step: 1e3 * statistics.median(run[step] for run in runs) / n_rows for step in STEPS}
        for who, runs in times.items()
    }
    print(f"{n_rows} rows of one reference, {repetitions} repetitions; CPU ms a row, medians")
    print(f"{'':12}{'musqa':>10}{'peers':>10}{'ratio':>9}")
    for step in STEPS:
        ours, theirs = median["musqa"][step], median["peers"][step]
        print(f"{step:12}{ours:10.1f}{theirs:10.1f}{theirs / ours:8.1f}x")
    total = {who: sum(steps.values()) for who, steps in median.items()}
    print(f"{'together':12}{total['musqa']:10.1f}{total['peers']:10.1f}")
    print(f"ratio {total['peers'] / total['musqa']:.1f}x")


if __name__ == "__main__":
    main()
