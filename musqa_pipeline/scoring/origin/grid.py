"""The frame grid of a lossy codec: where its transform meets coefficients that were quantised.

A decoder's output, transformed again with the frames where the encoder had them, has coefficients
that are zero, or one of few values; with frames a few samples beside, it has not [1]_ [2]_. So the
mean logarithm of the coefficients, over all positions that frames can have, dips at one. Edges need
not be there: the grid tells rates at which nothing is cut, as long as samples are those that the
decoder wrote: not resampled and not mixed. A change of level leaves it.

The search has two steps with frames of their own, so that the second is no winner's luck: few
frames at all positions name candidates, and more frames compare these with positions at random.
There each frame counts in its own standard deviations, so that a discontinuity in one decides not.

References
----------
.. [1] R. Yang, Y. Q. Shi, J. Huang, Defeating fake-quality MP3, ACM MM&Sec (2009),
   doi:10.1145/1597817.1597838.
.. [2] O. Derrien, Detection of genuine lossless audio files: application to the MPEG-AAC codec,
   J. Audio Eng. Soc. 67 (2019), doi:10.17743/jaes.2019.0005.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.origin.transforms import (
    AAC,
    AAC_SINE,
    MP3,
    OPUS,
    VORBIS,
    Samples,
    Transform,
)

FAMILIES = ((MP3,), (VORBIS, AAC, AAC_SINE), (OPUS,))
"""Transforms with the same hop, whose windows are near enough that the first finds all."""
EDGES_HZ = (2_000.0, 6_000.0, 10_000.0, 14_000.0, 18_000.0, 24_000.0)
"""Bands that are looked at each for itself: where the zeros are depends on the rate."""
FLOOR = 1e-11
"""Power of a coefficient below which all is zero: the rounding to 16 bit has 8e-11."""
SILENT_SIDE_DB = 80.0
"""A side so far below the mid is no channel of its own."""
SEARCH_FRAMES = {MP3.hop: 4, VORBIS.hop: 4, OPUS.hop: 10}
PROOF_FRAMES = {MP3.hop: 14, VORBIS.hop: 20, OPUS.hop: 48}
"""Opus spreads its zeros within a band, so that one frame of it says less."""
N_CANDIDATES, N_OTHERS = 4, 48
THOROUGH_SEARCH, THOROUGH_PROOF, THOROUGH_CANDIDATES = 4, 3, 2
"""Times as many where an edge says that it is worth while; three to four times the CPU time."""
ENOUGH = 12.0
"""With so strong a grid no other is looked for."""
MOST_OF_A_FRAME = 6.0
"""Deviations that one frame adds: a click or a cut at its edge has 30 and more and is no grid."""
LEAST_SPREAD = 0.1
"""Of a frame's levels, in log2 of power of pairs; silent frames have none."""
NEAR = 12
"""Positions around one that it is compared with in the search."""
_DEVIATIONS = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""


@dataclass(frozen=True)
class Grid:
    """The best alignment of a codec's frames."""

    codec: str
    hop: int
    """Distance of the positions that frames may have; of Vorbis, that switches blocks, 128."""
    position: int
    """Of the first frame, samples from the beginning, modulo `hop`."""
    strength: float
    """How far the coefficients lie below those at other positions, in standard deviations."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a recording."""

    start: int
    """Place of its first sample in the recording."""
    samples: Samples
    """Float32, shape (frames, channels), one channel or two."""


def find_grids(
    pieces: Sequence[Piece], sample_rate_hz: int, *, thorough: bool = False
) -> list[Grid]:
    """Find the likeliest frame grid of each family of transforms, until one is sure.

    There are none at sample rates that no codec has. `thorough` looks at more frames, and at more
    candidates: chance alone has somewhat higher strengths then.
    """
    channels = [(piece.start, _channels(piece.samples)) for piece in pieces]
    n_channels = min((len(found) for _, found in channels), default=0)
    channels = [(start, found[:n_channels]) for start, found in channels]
    grids = []
    for family in FAMILIES:
        if sample_rate_hz in family[0].rates_hz and n_channels:
            grid = _Search(family, channels, sample_rate_hz).grid(thorough)
            if grid is not None:
                grids.append(grid)
                if grid.strength >= ENOUGH:
                    break
    return grids


def _channels(samples: Samples) -> list[Samples]:
    """Return the mid, and of stereo one side and the difference: encoders code either pair."""
    left = np.ascontiguousarray(samples[:, 0])
    if samples.shape[1] == 1:
        return [left]
    right = samples[:, 1]
    mid: Samples = (left + right) / np.float32(2)
    side: Samples = (left - right) / np.float32(2)
    silent = np.mean(np.square(side)) <= 10 ** (-SILENT_SIDE_DB / 10) * np.mean(np.square(mid))
    return [mid] if silent else [mid, left, side]


class _Search:
    """Transforms of one hop on one recording."""

    def __init__(
        self,
        family: Sequence[Transform],
        channels: list[tuple[int, list[Samples]]],
        rate_hz: int,
    ) -> None:
        self.family = family
        self.hop, self.need = family[0].hop, family[0].span + family[0].hop - 1
        bins = [2 * round(hz / rate_hz * self.hop) for hz in EDGES_HZ]
        self.bins = [*(b for b in bins if b < self.hop - 4), self.hop]
        emphasis = family[0].emphasis
        self.channels = [(start, [_emphasised(x, emphasis) for x in xs]) for start, xs in channels]
        self.places = self._places()

    def grid(self, thorough: bool) -> Grid | None:
        """Return the best alignment; None if there is too little sound."""
        n, n_search, n_proof = len(self.places), SEARCH_FRAMES[self.hop], PROOF_FRAMES[self.hop]
        n_candidates = N_CANDIDATES
        if thorough:
            n_search, n_proof = n_search * THOROUGH_SEARCH, n_proof * THOROUGH_PROOF
            n_candidates *= THOROUGH_CANDIDATES
        if n < 3 * n_search:
            return None
        searched = {(2 * i + 1) * n // (2 * n_search) for i in range(n_search)}
        rest = [i for i in range(n) if i not in searched]
        kept = sorted({rest[i * len(rest) // n_proof] for i in range(n_proof)})
        candidates = self._candidates(sorted(searched), n_candidates)
        proofs = [self._proof(t, candidates, kept) for t in self.family]
        strength = max(grid.strength for grid, _ in proofs)
        # The encoder's own window leaves least between zeros; deviations differ by other things.
        deepest, _ = max(proofs, key=lambda proof: proof[1])
        return replace(deepest, strength=strength)

    def _places(self) -> list[tuple[int, int]]:
        """List the stretches in which a frame may lie at any position: piece, first sample."""
        found = []
        for number, (start, parts) in enumerate(self.channels):
            first, last = -start % self.hop, len(parts[0]) - self.need
            found += [(number, at) for at in range(first, last + 1, self.hop)]
        return found

    def _levels(
        self, transform: Transform, places: list[int], positions: NDArray[np.int64]
    ) -> Samples:
        """Mean logarithms: (frames, positions of a period, channels, bands).

        Of `positions`, (phases, positions of a period), the phase counts in which a frame fits
        best: Vorbis moves its frames by multiples of 128 samples when it switches blocks.
        """
        chosen = []
        flat = positions.ravel()
        for place in places:
            number, at = self.places[place]
            parts = [part[at : at + self.need] for part in self.channels[number][1]]
            found = [self._in_bands(transform.at(part, flat)) for part in parts]
            levels = np.stack(found, axis=1).reshape(*positions.shape, len(parts), -1)
            best = levels.mean(axis=(2, 3)).argmin(axis=0)
            chosen.append(levels[best, np.arange(levels.shape[1])])
        return np.stack(chosen)

    def _in_bands(self, coefficients: Samples) -> Samples:
        """Mean logarithm in each band: float32 (positions, bands)."""
        power = np.square(coefficients[:, self.bins[0] :])
        power += np.float32(FLOOR)
        logs = np.log2(power[:, ::2] * power[:, 1::2])  # of pairs, for a logarithm is dear
        borders = [(b - self.bins[0]) // 2 for b in self.bins]
        parts = [logs[:, a:b].mean(axis=1) for a, b in itertools.pairwise(borders)]
        return np.stack(parts, axis=1)

    def _candidates(self, places: list[int], n: int) -> list[int]:
        """Name n positions at which few frames fit best."""
        first = self.family[0]
        positions = np.arange(self.hop).reshape(first.phases, -1)
        total = self._levels(first, places, positions).sum(axis=0)
        # Against the positions around, for levels drift with the position.
        padded = np.concatenate([total[-NEAR:], total, total[:NEAR]])
        sums = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0)
        around = (sums[2 * NEAR + 1 :] - sums[: -2 * NEAR - 1]) / (2 * NEAR + 1)
        dips = _deviations(total - around, total - around)
        ranks = [dips.max(axis=(1, 2)), dips.mean(axis=2).max(axis=1)]
        named = {int(i) for rank in ranks for i in np.argsort(-rank)[: n // 2]}
        return sorted(named)

    def _proof(
        self, transform: Transform, candidates: list[int], places: list[int]
    ) -> tuple[Grid, float]:
        """Compare the candidates with other positions; return the best, and by how much."""
        phases, period = self.family[0].phases, self.hop // self.family[0].phases
        if transform.phases < phases:
            candidates = [c + period * i for c in candidates for i in range(phases)]
            period *= phases
        if transform.apart > 1:
            steps = range(transform.apart, period, transform.apart)
            others = [(c + step) % period for c in candidates for step in steps]
        else:
            others = [round((i + 0.5) * period / N_OTHERS) for i in range(N_OTHERS)]
        others = [o for o in others if min(abs(o - c) for c in candidates) > 2]
        tried = np.array(candidates + others)
        positions = tried + period * np.arange(self.hop // period)[:, None]
        levels, n = self._levels(transform, places, positions), len(candidates)
        dips = np.stack([_deviations(x, x[n:], LEAST_SPREAD) for x in levels])
        total = -dips.clip(-MOST_OF_A_FRAME, MOST_OF_A_FRAME).sum(axis=0)
        strengths = _deviations(total[:n], total[n:]).max(axis=(1, 2))
        best = int(strengths.argmax())
        summed = levels.sum(axis=0)
        depth = float((np.median(summed[n:], axis=0) - summed[best]).mean())
        return Grid(transform.name, period, candidates[best], float(strengths[best])), depth


def _emphasised(samples: Samples, emphasis: float) -> Samples:
    if not emphasis:
        return samples
    found = samples.copy()
    found[1:] -= np.float32(emphasis) * samples[:-1]
    return found


def _deviations(levels: Samples, others: Samples, least_spread: float = 1e-3) -> Samples:
    """Say how far levels lie below the middle of others, in standard deviations; robustly."""
    middle = np.median(others, axis=0)
    spread = _DEVIATIONS * np.median(np.abs(others - middle), axis=0)
    found: Samples = (middle - levels) / np.maximum(spread, np.float32(least_spread))
    return found
