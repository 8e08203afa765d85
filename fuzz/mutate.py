"""Mutated seeds without a fuzzer: the same ones every time, some of them in `make test`.

``python -m fuzz.mutate READER=N …`` gives readers N mutations of each of their seeds, and ends with
the first that breaks one. It needs no atheris, and sees no coverage.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fuzz import targets
from fuzz.targets import TARGETS, accepts_or_refuses, seed_folder
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.workers.pool import WorkerPool

INTERESTING = (b"\0", b"\xff" * 4, b"\x00\x00\x00\x80", b'"', b"\n", b"-1", b"9" * 400, b"[" * 200)
MOST_CHANGES = 4


def mutations(reader: str, rounds: int) -> Iterator[tuple[str, bytes]]:
    """Mutate the seeds of a reader.

    Parameters
    ----------
    reader : str
        Key of `TARGETS`.
    rounds : int
        Mutations of each seed.

    Yields
    ------
    name : str
        Seed and number.
    data : bytes
        Changed in 1 to `MOST_CHANGES` places.
    """
    for path in sorted(seed_folder(reader).iterdir()):
        whole = path.read_bytes()
        for i in range(rounds):
            rng = derive_generator("fuzz", reader, path.name, i)
            data = whole
            for _ in range(int(rng.integers(1, MOST_CHANGES + 1))):
                data = _changed(data, rng)
            yield f"{path.name} {i}", data


def _changed(data: bytes, rng: np.random.Generator) -> bytes:
    # Headers lie in front: half of all changes fall into the first 64 bytes.
    end = max(1, min(len(data), 64) if rng.random() < 0.5 else len(data))
    at = int(rng.integers(end))
    to = min(len(data), at + int(rng.integers(1, 33)))
    kind = int(rng.integers(6))
    if kind == 0:  # a bit
        flipped = bytes(byte ^ 1 << int(rng.integers(8)) for byte in data[at : at + 1])
        return data[:at] + flipped + data[at + 1 :]
    if kind == 1:  # a byte
        return data[:at] + rng.bytes(1) + data[at + 1 :]
    if kind == 2:
        return data[:at] + INTERESTING[int(rng.integers(len(INTERESTING)))] + data[at:]
    if kind == 3:  # a piece is gone
        return data[:at] + data[to:]
    if kind == 4:  # a piece is there twice
        return data[:to] + data[at:]
    return data[:at]  # cut off


def main() -> int:
    """Give mutated seeds to readers; what breaks one ends the program."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.mutate", description=__doc__)
    parser.add_argument("readers", nargs="+", metavar="READER=N", help=", ".join(TARGETS))
    for word in parser.parse_args().readers:
        reader, _, rounds = word.partition("=")
        if reader not in TARGETS or not rounds.isdecimal():
            parser.error(f"{word!r}: expected READER=N, one of {', '.join(TARGETS)}")
        n = accepted = 0
        with tempfile.TemporaryDirectory() as folder:
            for name, data in mutations(reader, int(rounds)):
                # The last line names what a crash was due to.
                print(f"at {reader} {name}", file=sys.stderr)
                accepted += accepts_or_refuses(reader, data, Path(folder))
                n += 1
        print(f"{reader}: {n} inputs, {accepted} accepted, {n - accepted} refused")
    return 0


if __name__ == "__main__":
    targets.POOL = WorkerPool()
    sys.exit(main())
