"""The seal of a model file: a digest of its bytes at its end, and its answer to an image of ours.

A sealed file ends with one more entry of its metadata, the digest of all bytes before it. Protocol
Buffers allow an entry there, so whatever reads ONNX reads a sealed file, and a bit that flipped is
found before onnxruntime sees the file. Its record holds under `ANSWERS` what the model says of
`check_image`: a machine that makes something else of the same bytes is found too. A seal shows
damage and no forgery: whoever changes a file on purpose can seal it anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 16
ANSWERS = "answers"
LARGEST_DIFFERENCE = 1e-3
"""Between stored answers and those of this machine, over their size where that is above 1. Machines
differ by rounding, 1e-6."""

_KEY = b"musqa_blake2b"
_VALUE_BYTES = 2 * DIGEST_BYTES
_ENTRY = b"\x0a" + bytes([len(_KEY)]) + _KEY + b"\x12" + bytes([_VALUE_BYTES])
"""Of StringStringEntryProto: field 1, the key, and the head of field 2, the value."""
_HEAD = b"\x72" + bytes([len(_ENTRY) + _VALUE_BYTES]) + _ENTRY
"""Of ModelProto: field 14, `metadata_props`."""
_SEAL_BYTES = len(_HEAD) + _VALUE_BYTES


class BrokenSealError(ValueError):
    """The bytes of a file are not those that were sealed; the text says how that shows."""


def digest(data: bytes | memoryview) -> str:
    """Return the digest by which model files are known: 32 hexadecimal digits of blake2b."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def sealed(data: bytes) -> bytes:
    """Return an ONNX file, which has no seal, with its digest at the end."""
    return data + _HEAD + digest(data).encode()


def has_seal(data: bytes) -> bool:
    """Tell whether a file ends with a seal; one without may be whole or not.

    Raise BrokenSealError if there is a seal, and it is of other bytes than those before it.
    """
    body, seal = memoryview(data)[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
    if not seal.startswith(_HEAD):
        return False
    if seal[len(_HEAD) :] != digest(body).encode():
        raise BrokenSealError("its bytes are not those that its digest is of")
    return True


def check_image() -> NDArray[np.uint8]:
    """Return the image, uint8 (31, 1024), that every model is asked about when made and opened.

    It is somewhat like music: a falling spectrum with an edge, louder every fifth segment. It is of
    integers alone, so that it is the same everywhere.
    """
    segment, band = np.arange(31)[:, None], np.arange(1024)[None]
    ripple = (5 * segment + 3 * band) % 23
    levels = 190 - band // 5 - 15 * (7 * segment % 5) - ripple - 60 * (band > 700)
    return np.clip(levels, 0, 255).astype(np.uint8)


def as_stored(probability: NDArray[np.float32], distance: float) -> dict[str, Any]:
    """Return an answer as a record holds it under `ANSWERS`."""
    return {"probability": [float(p) for p in probability], "distance": distance}


def differs(stored: Any, found: Mapping[str, Any]) -> str:
    """Say how what a model says here differs from the answer that its file holds.

    What it says, by name, is a number or a list of numbers; stored is the same of when it was made,
    or whatever a file had there. The text is empty if they agree within `LARGEST_DIFFERENCE`.
    """
    off = []
    for name, said in found.items():
        here = np.asarray(said, np.float64)
        try:
            there = np.asarray(stored[name], np.float64)
        except (KeyError, TypeError, ValueError, OverflowError):
            there = np.full(0, np.nan)
        if there.shape != here.shape:
            return "the answers in its metadata are no numbers, or not as many as it has steps"
        off.append(float(np.max(np.abs(there - here) / np.maximum(1.0, np.abs(here)))))
    if all(value <= LARGEST_DIFFERENCE for value in off):
        return ""
    return (
        f"its answers differ by {' and '.join(f'{value:.2g}' for value in off)} from those in its "
        f"metadata, at most {LARGEST_DIFFERENCE:g} is rounding"
    )
