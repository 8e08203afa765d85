"""The process of `fuzz.run` that atheris drives; arguments: reader, then libFuzzer's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

SCRATCH = Path(os.environ["MUSQA_FUZZ_SCRATCH"])
READER = sys.argv.pop(1)
INSTRUMENTED = ["musqa_pipeline", "tomllib", "csv", "soundfile"]

with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    from fuzz import targets
    from musqa_pipeline.core.workers.pool import WorkerPool

    # What a reader imports when it is used is steered by, too.
    first = min(targets.seed_folder(READER).iterdir())
    targets.accepts_or_refuses(READER, first.read_bytes(), SCRATCH)


def one_input(data: bytes) -> None:
    """Give one input to the reader; whatever comes out of here is a finding."""
    targets.accepts_or_refuses(READER, data, SCRATCH)


def own_program() -> str:
    """Write a program that starts this one, for libFuzzer's merge starts itself anew."""
    path = SCRATCH / "again"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzz.child {READER} "$@"\n')
    path.chmod(0o700)
    return str(path)


if __name__ == "__main__":
    if "-merge=1" in sys.argv:
        sys.argv[0] = own_program()
    targets.POOL = WorkerPool()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
