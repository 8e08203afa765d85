"""Encode and decode many streams in one ffmpeg process, against one process per stream.

Both ways run alternately on the same job list (the 41 codec processes of paper 001 on one 10 s
reference) and give the same bytes, which is asserted. Times are CPU seconds of the ffmpeg
processes and of this one, per round trip, and the last line is the ratio of the medians::

    python benchmarks/degrade.py [repetitions]
"""

from __future__ import annotations

import os
import statistics
import sys

import numpy as np

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, TAIL_SAMPLES
from musqa_pipeline.audio.degradations import ffmpeg
from musqa_pipeline.audio.degradations.codecs import Codec
from musqa_pipeline.audio.degradations.ffmpeg import EncodeJob
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.audio.files.flac import to_int16


def reference():
    """Pink noise with decaying hits: full band, as hard to code as busy music."""
    rng = np.random.default_rng(0)
    n = EXCERPT_SAMPLES + TAIL_SAMPLES
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 20))
    x = np.fft.irfft(spectrum, n)
    envelope = 0.2 + np.exp(-(np.arange(n) % 12_000) / 1_500)
    return to_int16(0.08 * x * envelope / np.std(x))


def cpu_s():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def round_trips(jobs, demuxers, streams_per_process):
    """Encode and decode all jobs; return bitstreams, decoded samples and CPU seconds."""
    ffmpeg.STREAMS_PER_PROCESS = streams_per_process
    started = cpu_s()
    encoded = ffmpeg.encode(jobs)
    decoded = ffmpeg.decode(list(zip(demuxers, encoded, strict=True)))
    return encoded, decoded, cpu_s() - started


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    pcm = reference()
    jobs, demuxers = [], []
    for process in PROCESSES.values():
        codec = DEGRADATIONS[process.name]
        if isinstance(codec, Codec):
            jobs.append(EncodeJob(pcm, codec.encoder, codec.muxer, codec.options(process.params)))
            demuxers.append(codec.demuxer)
    shared_size = ffmpeg.STREAMS_PER_PROCESS
    times: dict[int, list[float]] = {shared_size: [], 1: []}
    for repetition in range(repetitions):
        results = {}
        for size in times:
            *results[size], seconds = round_trips(jobs, demuxers, size)
            times[size].append(seconds / len(jobs))
        assert results[1][0] == results[shared_size][0]
        assert all(map(np.array_equal, results[1][1], results[shared_size][1]))
        print(
            f"{repetition + 1}/{repetitions}: {times[shared_size][-1] * 1e3:.0f} ms with "
            f"{shared_size} streams a process, {times[1][-1] * 1e3:.0f} ms with one"
        )
    shared, single = statistics.median(times[shared_size]), statistics.median(times[1])
    print(f"CPU per round trip: {shared * 1e3:.1f} ms shared, {single * 1e3:.1f} ms single")
    print(f"ratio {single / shared:.2f}x")


if __name__ == "__main__":
    main()
