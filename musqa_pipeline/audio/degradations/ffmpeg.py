"""Encoding and decoding in memory, many streams in one ffmpeg process.

The ffmpeg is the one that imageio-ffmpeg ships, its arguments are built with ffmpeg-python. Audio
travels through descriptors of memory files (``pipe:N``), without temporary files and without
threads on our side. Batching changes no byte: every stream has its own encoder.

Two options make results repeatable. ``-fflags +bitexact`` on the muxer: Ogg gets a random serial
number otherwise. ``-cpuflags 0`` when decoding: with SIMD the samples differ between processors.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ffmpeg
import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.core.errors import ToolError

STREAMS_PER_PROCESS = 8
"""Measured: CPU time per stream is least at 4-16, and memory stays below 40 MB."""
TIMEOUT_S = 600
REPAIR = "reinstall it with `pip install --force-reinstall imageio-ffmpeg`"


@dataclass(frozen=True, eq=False)
class EncodeJob:
    """One stream to encode."""

    pcm: NDArray[np.int16]
    """Shape (samples,), mono, 48 kHz. Jobs that hold the same array share one input."""
    encoder: str
    muxer: str
    options: tuple[tuple[str, str], ...]
    """What ffmpeg is told of bitrate or quality: names without their dash, and values."""


def encode(jobs: Sequence[EncodeJob]) -> list[bytes]:
    """Encode 16-bit mono audio at 48 kHz: the same bytes however jobs are grouped.

    Raises
    ------
    ToolError
        If ffmpeg is missing or fails.
    """
    results: list[bytes] = []
    for batch in _batches(jobs):
        with contextlib.ExitStack() as stack:
            sources: dict[int, Any] = {}
            fds: list[int] = []
            outputs = []
            for job in batch:
                if id(job.pcm) not in sources:
                    fd = stack.enter_context(_memory_file(job.pcm.astype("<i2").tobytes()))
                    fds.append(fd)
                    sources[id(job.pcm)] = ffmpeg.input(
                        f"pipe:{fd}", format="s16le", ar=SAMPLE_RATE_HZ, ac=1, threads=1
                    )
                fd = stack.enter_context(_memory_file())
                fds.append(fd)
                outputs.append((fd, job, sources[id(job.pcm)]))
            _run(
                [
                    ffmpeg.output(
                        source.audio,
                        f"pipe:{fd}",
                        format=job.muxer,
                        acodec=job.encoder,
                        fflags="+bitexact",
                        threads=1,
                        **dict(job.options),
                    )
                    for fd, job, source in outputs
                ],
                fds,
            )
            results += [_content(fd) for fd, _, _ in outputs]
    return results


def decode(streams: Sequence[tuple[str, bytes]]) -> list[NDArray[np.float32]]:
    """Decode mono bitstreams, each with its demuxer (mp3, aac, ogg or flac), to float.

    No delay is dropped. Full scale is 1.0 and may be passed.

    Raises
    ------
    ToolError
        If ffmpeg is missing or fails.
    """
    results: dict[int, NDArray[np.float32]] = {}
    lossy = [i for i, (container, _) in enumerate(streams) if container != "flac"]
    for i in sorted(set(range(len(streams))) - set(lossy)):
        # Lossless, so that the decoder cannot matter; libsndfile needs no process.
        results[i], _ = soundfile.read(io.BytesIO(streams[i][1]), dtype="float32")
    for batch in _batches(lossy):
        with contextlib.ExitStack() as stack:
            pairs = [
                (
                    stack.enter_context(_memory_file(streams[i][1])),
                    stack.enter_context(_memory_file()),
                )
                for i in batch
            ]
            _run(
                [
                    ffmpeg.output(
                        ffmpeg.input(f"pipe:{source}", format=streams[i][0], threads=1).audio,
                        f"pipe:{sink}",
                        format="f32le",
                        acodec="pcm_f32le",
                        threads=1,
                    )
                    for i, (source, sink) in zip(batch, pairs, strict=True)
                ],
                [fd for pair in pairs for fd in pair],
                "-cpuflags",
                "0",
            )
            for i, (_, sink) in zip(batch, pairs, strict=True):
                results[i] = np.frombuffer(_content(sink), "<f4").astype(np.float32)
    return [results[i] for i in range(len(streams))]


@functools.cache
def ffmpeg_version() -> str:
    """Return the version of ffmpeg, such as ``"9.0.2"``; raise `ToolError` if it is missing."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_version())
    except (OSError, RuntimeError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise _missing(error) from error


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), STREAMS_PER_PROCESS):
        yield items[start : start + STREAMS_PER_PROCESS]


def _run(outputs: list[Any], fds: list[int], *options: str) -> None:
    try:
        command = (
            ffmpeg.merge_outputs(*outputs)
            .global_args("-nostdin", "-hide_banner", "-loglevel", "error")
            .global_args("-filter_threads", "1", *options)
            .compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())
        )
        with _on_one_core():
            done = subprocess.run(
                command,
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT_S,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"ffmpeg did not end within {TIMEOUT_S} s; run the same command again: what is done "
            "stays done"
        ) from error
    except (OSError, RuntimeError) as error:
        raise _missing(error) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise ToolError(
            f"ffmpeg failed with exit code {done.returncode} ({lines[-1]}); free memory if it is "
            f"short, else {REPAIR}"
        )


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """Start processes on this thread's core, in a worker, which is held to one thread.

    ffmpeg has several threads a stream, which take turns. On a core each, every turn wakes another
    one, and takes it from other workers: with one a core they are 1.2 times as fast like this
    (`benchmarks/degrade.py`).
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if os.environ.get("OMP_NUM_THREADS") != "1" or len(cores) < 2:
        yield
        return
    import psutil

    with contextlib.suppress(OSError):  # a container may forbid it; then ffmpeg is a little slower
        os.sched_setaffinity(0, {psutil.Process().cpu_num()} & cores or cores)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cores)


def _missing(error: Exception) -> ToolError:
    chosen = os.environ.get("IMAGEIO_FFMPEG_EXE")
    advice = f"correct or unset IMAGEIO_FFMPEG_EXE={chosen}" if chosen else REPAIR
    return ToolError(f"ffmpeg cannot be run ({error}); {advice}")


@contextlib.contextmanager
def _memory_file(content: bytes = b"") -> Iterator[int]:
    """Give a descriptor of a file in memory that holds `content`, at its start."""
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("musqa"), "w+b")
    else:
        file = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed below, as the other one is
    with file:
        file.write(content)
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        yield file.fileno()


def _content(fd: int) -> bytes:
    """Return all that was written to a descriptor, whose position the child has moved."""
    os.lseek(fd, 0, os.SEEK_SET)
    with os.fdopen(os.dup(fd), "rb") as file:
        return file.read()
