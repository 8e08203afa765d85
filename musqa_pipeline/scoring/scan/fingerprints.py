"""Copies of a recording, found by ear: an index of fingerprints after Haitsma and Kalker.

The fingerprint [1]_ is that of `audio/measures/fingerprint.py`: 32 signs every 21 ms, of how the
energies of neighbouring bands between 200 Hz and 2.4 kHz change. As in the paper, a copy is looked
up by parts of its fingerprint that survived without an error, and then confirmed by the rate of
differing bits: below 0.35 two recordings are the same. Two things differ from the paper. Looked up
are the lower and the upper 24 of the 32 bits, which survive poor codecs more often than all of
them. And only recordings of about the same length are compared, because excerpts lie at parts of
the length; so memory holds the fingerprints of a few seconds of lengths, however large the library
is.

References
----------
.. [1] J. Haitsma, T. Kalker, A highly robust audio fingerprinting system with an efficient search
   strategy, J. New Music Research 32 (2003), doi:10.1076/jnmr.32.2.211.16746; replicated in
   J. Six et al., Trans. ISMIR 1 (2018), doi:10.5334/tismir.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.measures.fingerprint import HOP_S, fingerprint

LARGEST_ERROR_RATE = 0.35
"""Of bits; the threshold of the paper. Strangers differ in about half."""
LENGTH_TOLERANCE_S = 4.0
"""Copies differ by so much at most: padding of codecs, silence that was cut off or added."""
MOST_SHIFT_FRAMES = round(LENGTH_TOLERANCE_S / HOP_S)
"""So far apart copies of about one length lie at most; further shifts find repeated bars."""
LEAST_OVERLAP_FRAMES = round(3.0 / HOP_S)
SUBWORD_BITS = 24
LEAST_HITS = 2
"""Equal parts at the same shift (to a frame) that make a pair worth comparing."""
MOST_SHARERS = 200
"""A part that so many excerpts have is no mark: a held tone, a silent channel."""
NEAR_SHIFTS = 50
"""Frames around the shifts that hits suggest, where the other excerpts are compared too."""

Words = NDArray[np.uint32]


@dataclass(frozen=True)
class Heard:
    """Fingerprints of a recording."""

    name: int
    duration_s: float
    words: tuple[Words, ...]
    """One array an excerpt, a word of 32 bits a frame."""


@dataclass(frozen=True)
class Copy:
    """Two recordings that are the same."""

    first: int
    second: int
    error_rate: float
    """Part of the bits that differ."""


def fingerprint_words(mono: NDArray[np.float32], sample_rate_hz: int) -> Words:
    """Compute the fingerprint of an excerpt, float32 (samples,): a word, uint32, every 21 ms.

    There are none for an excerpt that is too short or of a too low rate.
    """
    try:
        signs = fingerprint(mono, sample_rate_hz)
    except ValueError:
        return np.zeros(0, dtype=np.uint32)
    return np.packbits(signs > 0, axis=1).view(">u4").ravel().astype(np.uint32)


def pack(words: Iterable[Words]) -> bytes:
    """Write the fingerprints of the excerpts of a recording as bytes, the same on every machine."""
    parts = [w.astype("<u4") for w in words]
    sizes = np.array([len(parts), *map(len, parts)], dtype="<u4")
    return b"".join([sizes.tobytes(), *(part.tobytes() for part in parts)])


def unpack(data: bytes) -> tuple[Words, ...]:
    """Read what `pack` wrote."""
    numbers = np.frombuffer(data, dtype="<u4").astype(np.uint32)
    n = int(numbers[0])
    borders = np.cumsum(numbers[1 : n + 1])[:-1].astype(int)
    return tuple(np.split(numbers[n + 1 :], borders))[:n]


def find_copies(recordings: Iterable[Heard]) -> Iterator[Copy]:
    """Find the pairs of recordings that are the same, each once; they are read once, by length."""
    earlier: list[Heard] = []
    current: list[Heard] = []
    current_bin = -1
    for heard in recordings:
        at = int(heard.duration_s / LENGTH_TOLERANCE_S)
        if at != current_bin:
            yield from _copies_within(earlier, current)
            earlier = current if at == current_bin + 1 else []
            current, current_bin = [], at
        current.append(heard)
    yield from _copies_within(earlier, current)


def _copies_within(earlier: list[Heard], current: list[Heard]) -> Iterator[Copy]:
    """Compare the recordings of a bin of lengths with each other and the bin below."""
    both = earlier + current
    shifts_of: dict[tuple[int, int], set[int]] = {}
    for excerpt in range(max((len(h.words) for h in both), default=0)):
        for a, b, shift in _hits(both, excerpt, len(earlier)):
            shifts_of.setdefault((a, b), set()).add(shift)
    for (a, b), shifts in sorted(shifts_of.items()):
        first, second = both[a], both[b]
        if abs(first.duration_s - second.duration_s) <= LENGTH_TOLERANCE_S:
            rate = error_rate(first.words, second.words, shifts)
            if rate < LARGEST_ERROR_RATE:
                yield Copy(first.name, second.name, rate)


def _hits(recordings: list[Heard], excerpt: int, n_earlier: int) -> Iterator[tuple[int, int, int]]:
    """Give pairs and shifts at which parts of the same excerpt are equal, often enough."""
    having = [i for i, heard in enumerate(recordings) if len(heard.words) > excerpt]
    if len(having) < 2:
        return
    words = [recordings[i].words[excerpt] for i in having]
    owner = np.repeat(np.array(having), [len(w) for w in words])
    frame = np.concatenate([np.arange(len(w)) for w in words])
    joined = np.concatenate(words)
    votes: list[NDArray[np.int64]] = []
    for drop in (0, 32 - SUBWORD_BITS):
        part = (joined >> np.uint32(drop)) & np.uint32((1 << SUBWORD_BITS) - 1)
        order = np.argsort(part, kind="stable")
        ends = np.flatnonzero(np.diff(part[order])) + 1
        sizes = np.diff(np.concatenate([[0], ends, [len(order)]]))
        rank = np.repeat(sizes, sizes)
        order = order[(rank > 1) & (rank <= MOST_SHARERS)]
        sorted_part = part[order]
        for step in range(1, MOST_SHARERS):
            same = sorted_part[step:] == sorted_part[:-step]
            if not same.any():
                break
            x, y = order[:-step][same], order[step:][same]
            first, second = owner[x], owner[y]
            # Stable sorting keeps the order of owners, so that first <= second; a pair within the
            # earlier bin was compared before.
            shift = frame[y] - frame[x]
            kept = (first != second) & (second >= n_earlier) & (np.abs(shift) <= MOST_SHIFT_FRAMES)
            votes.append(np.stack([first[kept], second[kept], shift[kept]], axis=1))
    if not votes:
        return
    found, counts = np.unique(np.concatenate(votes), axis=0, return_counts=True)
    # Neighbouring shifts count together: the frames of two copies lie between each other.
    after = np.zeros(len(found), dtype=counts.dtype)
    if len(found) > 1:
        next_shift = (np.diff(found, axis=0) == [0, 0, 1]).all(axis=1)
        after[:-1] = np.where(next_shift, counts[1:], 0)
    for (a, b, shift), n in zip(found.tolist(), (counts + after).tolist(), strict=True):
        if n >= LEAST_HITS:
            yield a, b, shift


def error_rate(first: tuple[Words, ...], second: tuple[Words, ...], shifts: set[int]) -> float:
    """Return the part of the bits in which two recordings differ, the mean of their excerpts.

    What is in frame t of the first is looked for in t + shift of the second, around `shifts`, and
    the best one counts. Silent excerpts do not; where nothing can be compared, it is 1.
    """
    first_tried = max(min(shifts) - NEAR_SHIFTS, -MOST_SHIFT_FRAMES)
    tried = range(first_tried, min(max(shifts) + NEAR_SHIFTS, MOST_SHIFT_FRAMES) + 1)
    rates = []
    for a, b in zip(first, second, strict=False):
        if not (a.any() and b.any()):
            continue
        rates.append(min((_rate_at(a, b, shift) for shift in tried), default=1.0))
    return float(np.mean(rates)) if rates else 1.0


def _rate_at(a: Words, b: Words, shift: int) -> float:
    b = b[shift:] if shift >= 0 else b
    a = a[-shift:] if shift < 0 else a
    n = min(len(a), len(b))
    if n < LEAST_OVERLAP_FRAMES:
        return 1.0
    return float(np.bitwise_count(a[:n] ^ b[:n]).sum(dtype=np.int64)) / (32 * n)
