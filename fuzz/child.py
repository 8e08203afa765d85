"""The process of `fuzz.run` that atheris drives; arguments: reader, then libFuzzer's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

INSTRUMENTED = ["musqa_pipeline", "tomllib", "csv", "soundfile"]

with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    from fuzz.targets import accepts_or_refuses

SCRATCH = Path(os.environ["MUSQA_FUZZ_SCRATCH"])
READER = sys.argv.pop(1)


def one_input(data: bytes) -> None:
    """Give one input to the reader; whatever comes out of here is a finding."""
    accepts_or_refuses(READER, data, SCRATCH)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
