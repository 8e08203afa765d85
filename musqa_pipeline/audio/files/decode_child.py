"""The process that decodes with PyAV what soundfile refuses, for `decode_process.py`.

It takes a file a line on standard input: JSON of the path's bytes in hexadecimal, the first frame,
and the number of frames or null. For each it writes a line of JSON, the header or an error, then
groups of frames: their number as an int64 and their samples as float32. A group of `END` frames
ends the file; after `FAILED` comes a line with the error. It ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np

END, FAILED = -1, -2
MAX_LINE = 1 << 20


def main() -> None:
    """Decode the files that standard input names to standard output."""
    for request in sys.stdin.buffer:
        name, start_frame, n_frames = json.loads(request)
        _decode(Path(os.fsdecode(bytes.fromhex(name))), start_frame, n_frames, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _decode(path: Path, start_frame: int, n_frames: int | None, out: BinaryIO) -> None:
    from musqa_pipeline.audio.files.reading import DecodeError, open_file

    failed = b""
    try:
        with open_file(path, start_frame=start_frame, n_frames=n_frames) as (info, blocks):
            out.write(json.dumps(asdict(info)).encode() + b"\n")
            out.flush()
            failed = _number(FAILED)
            for block in blocks:
                if block.shape[1] != info.channels:
                    raise DecodeError(
                        f"{block.shape[1]} channels decoded, {info.channels} declared"
                    )
                out.write(_number(len(block)))
                out.write(np.ascontiguousarray(block, "<f4").tobytes())
            out.write(_number(END))
    except (DecodeError, OSError) as error:
        out.write(failed + json.dumps({"error": str(error)}).encode() + b"\n")


def _number(n_frames: int) -> bytes:
    return n_frames.to_bytes(8, "little", signed=True)
