"""A decoder in a process of its own: its crash is an error of one file and ends nothing else.

Starting one costs more than decoding a header, so that a decoder which has told the end of a file,
or why there is none, is kept for the next one. Any other is stopped.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files import decode_child
from musqa_pipeline.audio.files.reading import AudioInfo, DecodeError

PROGRAM = "from musqa_pipeline.audio.files.decode_child import main\nmain()\n"
MOST_IDLE = 2
"""Decoders that a process keeps; one is enough where files come one after the other."""


class _Child:
    """One decoding process, for one file at a time."""

    def __init__(self) -> None:
        self.program = PROGRAM
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{PROGRAM}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests: IO[bytes] = self.process.stdin
        self.answers: IO[bytes] = self.process.stdout
        self.is_idle = False
        """Whether it has told all about its last file."""

    def ask(self, path: Path, start_frame: int, n_frames: int | None) -> AudioInfo:
        self.is_idle = False
        request = json.dumps([os.fsencode(path.absolute()).hex(), start_frame, n_frames])
        try:
            self.requests.write(request.encode() + b"\n")
            self.requests.flush()
        except OSError as error:
            raise DecodeError(f"the decoder crashed ({self._ending()})") from error
        header = self._line()
        if "error" in header:
            self.is_idle = True
            raise DecodeError(str(header["error"]))
        return AudioInfo(**header)

    def blocks(self, channels: int) -> Iterator[NDArray[np.float32]]:
        """Read frames, each group of them after its number; -1 frames is the end."""
        while True:
            n_frames = int(np.frombuffer(self._exactly(8), "<i8")[0])
            if n_frames == decode_child.END:
                self.is_idle = True
                return
            if n_frames == decode_child.FAILED:
                error = str(self._line()["error"])
                self.is_idle = True
                raise DecodeError(error)
            data = self._exactly(n_frames * channels * 4)
            yield np.frombuffer(data, "<f4").astype(np.float32).reshape(n_frames, channels)

    def stop(self) -> None:
        self.process.kill()
        with contextlib.suppress(OSError):  # a request that a dead process never took
            self.requests.close()
        self.answers.close()
        self.process.wait()

    def _line(self) -> dict[str, Any]:
        text = self.answers.readline(decode_child.MAX_LINE)
        try:
            found = json.loads(text)
        except ValueError as error:
            raise DecodeError(f"the decoder crashed ({self._ending()})") from error
        return dict(found)

    def _exactly(self, n_bytes: int) -> bytes:
        data = self.answers.read(n_bytes)
        if len(data) < n_bytes:
            raise DecodeError(f"the decoder crashed ({self._ending()})")
        return data

    def _ending(self) -> str:
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "without an answer"
        return f"signal {-code}" if code < 0 else f"exit code {code}"


_idle: list[_Child] = []


@contextlib.contextmanager
def decoder(
    path: Path, *, start_frame: int, n_frames: int | None
) -> Iterator[tuple[AudioInfo, Iterator[NDArray[np.float32]]]]:
    """Decode a file, or `n_frames` of it from `start_frame`, with PyAV in a child process.

    Gives the header, and blocks of float32 of shape (frames, channels) as the decoder gives them.
    What was not read when the context ends is not decoded. Raises `DecodeError` if the file does
    not decode, or the process dies of it.
    """
    child = _idle_child() or _Child()
    try:
        info = child.ask(path, start_frame, n_frames)
        blocks = child.blocks(info.channels)
        try:
            yield info, blocks
        finally:
            if n_frames == 0:  # who asked for the header alone does not read to the end
                _finish(blocks)
    finally:
        if child.is_idle and len(_idle) < MOST_IDLE:
            _idle.append(child)
        else:
            child.stop()


def _finish(blocks: Iterator[NDArray[np.float32]]) -> None:
    with contextlib.suppress(DecodeError):
        for _ in blocks:
            pass


def _idle_child() -> _Child | None:
    """Take a decoder that lives and is this process's own; a forked one has its parent's list."""
    while _idle:
        try:
            child = _idle.pop()
        except IndexError:  # another thread took the last
            return None
        if child.owner != os.getpid():
            continue
        if child.program == PROGRAM and child.process.poll() is None:
            return child
        child.stop()
    return None


@atexit.register
def _stop_all() -> None:
    while (child := _idle_child()) is not None:
        child.stop()
