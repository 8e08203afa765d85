"""Encode and decode as the pipeline does, against two plainer ways.

All run alternately on the same job list (the 41 codec processes of paper 001 on one 10 s reference)
and give the same bytes, which is asserted. First many streams in one ffmpeg process against one
process per stream, in CPU seconds of the ffmpeg processes and of this one, per round trip. Then
with a worker on every core: ffmpeg on the core of its worker against ffmpeg on all cores, in wall
seconds. The last line of each is the ratio of the medians::

    python benchmarks/degrade.py [repetitions]
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor

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


def job_list():
    pcm = reference()
    jobs, demuxers = [], []
    for process in PROCESSES.values():
        codec = DEGRADATIONS[process.name]
        if isinstance(codec, Codec):
            jobs.append(EncodeJob(pcm, codec.encoder, codec.muxer, codec.options(process.params)))
            demuxers.append(codec.demuxer)
    return jobs, demuxers


def round_trips_of_a_worker(n_threads):
    """Encode and decode as a worker that is held to so many threads; return bitstreams."""
    os.environ["OMP_NUM_THREADS"] = n_threads
    jobs, demuxers = job_list()
    return round_trips(jobs, demuxers, ffmpeg.STREAMS_PER_PROCESS)[0]


def compare_cores(repetitions):
    """Time a worker a core, whose ffmpeg stays on that core or not."""
    n_workers = len(os.sched_getaffinity(0))
    ways = {"its worker's core": "1", "all cores": "2"}
    times: dict[str, list[float]] = {way: [] for way in ways}
    with ProcessPoolExecutor(n_workers) as pool:
        list(pool.map(round_trips_of_a_worker, ["1"] * n_workers))  # the start is not timed
        for _ in range(repetitions):
            seen = []
            for way, n_threads in ways.items():
                started = time.perf_counter()
                seen += pool.map(round_trips_of_a_worker, [n_threads] * n_workers)
                times[way].append(time.perf_counter() - started)
            assert all(encoded == seen[0] for encoded in seen)
    one, free = (statistics.median(times[way]) for way in ways)
    print(f"{n_workers} workers at once: {one:.1f} s with ffmpeg on one core, {free:.1f} s on all")
    print(f"ratio {free / one:.2f}x")


def compare_batches(repetitions):
    """Time the shared process and a process a stream."""
    jobs, demuxers = job_list()
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


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    compare_batches(repetitions)
    compare_cores(repetitions)


if __name__ == "__main__":
    main()
