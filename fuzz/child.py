"""The process of `fuzz.run` that atheris drives; arguments: reader, then libFuzzer's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

INSTRUMENTED = ["musqa_pipeline", "tomllib", "csv", "soundfile"]

with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    from fuzz import targets
    from musqa_pipeline.fanout.crew import Crew

SCRATCH = Path(os.environ["MUSQA_FUZZ_SCRATCH"])
READER = sys.argv.pop(1)


def one_input(data: bytes) -> None:
    """Give one input to the reader; whatever comes out of here is a finding."""
    targets.accepts_or_refuses(READER, data, SCRATCH)


if __name__ == "__main__":
    targets.CREW = Crew()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
