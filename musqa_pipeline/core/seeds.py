"""Seeds derived from names, so that chance depends on a unit and on nothing else.

Every draw in musqa uses a generator seeded from (stage, key…). Neither the order of units, nor
the number of workers, nor the clock can move a draw.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np


def derive_seed(stage: str, *key: str | int) -> int:
    """Derive a 64-bit seed from a stage name and a key.

    Parameters
    ----------
    stage : str
        Name of the stage or of the draw, for example ``"excerpts"``.
    *key : str or int
        What the draw belongs to: the preset's seed, a track id, an index.

    Returns
    -------
    int
        In [0, 2**64).
    """
    text = json.dumps([stage, *key], ensure_ascii=True, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def derive_generator(stage: str, *key: str | int) -> np.random.Generator:
    """Return a PCG64 generator seeded with `derive_seed(stage, *key)`.

    Parameters
    ----------
    stage : str
        Name of the stage or of the draw.
    *key : str or int
        What the draw belongs to.

    Returns
    -------
    numpy.random.Generator
        The same stream for the same arguments on every machine.
    """
    return np.random.Generator(np.random.PCG64(derive_seed(stage, *key)))


def unit_interval_hash(stage: str, *key: str | int) -> float:
    """Map a key to a fixed number in [0, 1), for decisions such as "is this group a test group".

    Parameters
    ----------
    stage : str
        Name of the decision.
    *key : str or int
        What it is about.

    Returns
    -------
    float
        In [0, 1), uniform over keys.
    """
    return derive_seed(stage, *key) / 2**64
