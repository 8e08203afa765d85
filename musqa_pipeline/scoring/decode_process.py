"""A decoder in a process of its own: its crash is an error of one file and ends nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring import decode_child
from musqa_pipeline.tracks.reading import AudioInfo, DecodeError

PROGRAM = "from musqa_pipeline.scoring.decode_child import main\n"


@contextmanager
def decoder(
    path: Path, start_frame: int, n_frames: int | None
) -> Iterator[tuple[AudioInfo, Iterator[NDArray[np.float32]]]]:
    """Decode a file with PyAV in a child process.

    Parameters
    ----------
    path : Path
        An audio file.
    start_frame, n_frames : int
        The part that is wanted; all to the end if `n_frames` is None.

    Yields
    ------
    info : AudioInfo
        The header.
    blocks : iterator of ndarray of float32, shape (frames, channels)
        As the decoder gives them. The process ends with the context.

    Raises
    ------
    DecodeError
        If the file does not decode, or the process dies of it.
    """
    arguments = json.dumps([os.fsencode(path).hex(), start_frame, n_frames])
    program = f"import sys; sys.path[:] = {sys.path!r}\n{PROGRAM}main({arguments!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        header = _line(process)
        if "error" in header:
            raise DecodeError(str(header["error"]))
        info = AudioInfo(**header)
        yield info, _child_blocks(process, info.channels)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    text = process.stdout.readline(decode_child.MAX_LINE)
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DecodeError(f"the decoder crashed ({_ending(process)})") from error
    return dict(found)


def _child_blocks(process: subprocess.Popen[bytes], channels: int) -> Iterator[NDArray[np.float32]]:
    """Read frames, each group of them after its number; -1 frames is the end."""
    assert process.stdout is not None
    stream = process.stdout
    while True:
        head = _exactly(process, stream, 8)
        n_frames = int(np.frombuffer(head, "<i8")[0])
        if n_frames == decode_child.END:
            return
        if n_frames == decode_child.FAILED:
            raise DecodeError(str(_line(process)["error"]))
        data = _exactly(process, stream, n_frames * channels * 4)
        yield np.frombuffer(data, "<f4").astype(np.float32).reshape(n_frames, channels)


def _exactly(process: subprocess.Popen[bytes], stream: IO[bytes], n_bytes: int) -> bytes:
    data = stream.read(n_bytes)
    if len(data) < n_bytes:
        raise DecodeError(f"the decoder crashed ({_ending(process)})")
    return data


def _ending(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(5)
    except subprocess.TimeoutExpired:
        return "without an answer"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
