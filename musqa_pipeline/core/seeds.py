"""Seeds derived from names, so that chance depends on a unit and on nothing else.

Every draw in musqa uses a generator seeded from (stage, key…). Neither the order of units, nor
the number of workers, nor the clock can move a draw.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np


def derive_seed(stage: str, *key: str | int) -> int:
    """Derive a 64-bit seed from a stage name and a key."""
    text = json.dumps([stage, *key], ensure_ascii=True, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def derive_generator(stage: str, *key: str | int) -> np.random.Generator:
    """Return a PCG64 generator seeded with `derive_seed(stage, *key)`."""
    return np.random.Generator(np.random.PCG64(derive_seed(stage, *key)))


def unit_interval_hash(stage: str, *key: str | int) -> float:
    """Map a key to a fixed number in [0, 1), for decisions such as "is this group a test group"."""
    return derive_seed(stage, *key) / 2**64
