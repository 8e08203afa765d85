"""The transforms that MP3, AAC, Vorbis and Opus quantise in, at any position of a signal.

A decoded frame that is transformed again where the encoder did gives back the quantised
coefficients, many of them zero, to within the rounding of the file; a sample beside it does not.
MP3's transform is its hybrid filterbank [1]_: 32 subbands, then an MDCT of 36 in each, then the
butterflies against alias. The others are MDCTs: of 2048 samples with a Kaiser-Bessel-derived or a
sine window (AAC [2]_) or Vorbis' window [3]_, and of 1920 with a short overlap (CELT in Opus [4]_).
Only long blocks are looked for.

References
----------
.. [1] ISO/IEC 11172-3 (1993), annex C; the window is that of its table C.1.
.. [2] ISO/IEC 14496-3 (2009), subpart 4, 4.6.11.
.. [3] Xiph.Org, Vorbis I specification (2020), 4.3.1.
.. [4] IETF RFC 6716 (2012), 4.3.7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

Samples = NDArray[np.float32]
N_SUBBANDS, TAPS, N_LINES = 32, 512, 18
CELT_HOP, CELT_OVERLAP, CELT_EMPHASIS = 960, 120, 0.85
_WINDOW = """
0 -1 -1 -1 -1 -1 -1 -2 -2 -2 -2 -3 -3 -4 -4 -5 -5 -6 -7 -7 -8 -9 -10 -11 -13 -14 -16 -17 -19 -21
-24 -26 -29 -31 -35 -38 -41 -45 -49 -53 -58 -63 -68 -73 -79 -85 -91 -97 -104 -111 -117 -125 -132
-139 -147 -154 -161 -169 -176 -183 -190 -196 -202 -208 213 218 222 225 227 228 228 227 224 221 215
208 200 189 177 163 146 127 106 83 57 29 -2 -36 -72 -111 -153 -197 -244 -294 -347 -401 -459 -519
-581 -645 -711 -779 -848 -919 -991 -1064 -1137 -1210 -1283 -1356 -1428 -1498 -1567 -1634 -1698
-1759 -1817 -1870 -1919 -1962 -2001 -2032 -2057 -2075 -2085 -2087 -2080 -2063 2037 2000 1952 1893
1822 1739 1644 1535 1414 1280 1131 970 794 605 402 185 -45 -288 -545 -814 -1095 -1388 -1692 -2006
-2330 -2663 -3004 -3351 -3705 -4063 -4425 -4788 -5153 -5517 -5879 -6237 -6589 -6935 -7271 -7597
-7910 -8209 -8491 -8755 -8998 -9219 -9416 -9585 -9727 -9838 -9916 -9959 -9966 -9935 -9863 -9750
-9592 -9389 -9139 -8840 -8492 -8092 -7640 -7134 6574 5959 5288 4561 3776 2935 2037 1082 70 -998
-2122 -3300 -4533 -5818 -7154 -8540 -9975 -11455 -12980 -14548 -16155 -17799 -19478 -21189 -22929
-24694 -26482 -28289 -30112 -31947 -33791 -35640 -37489 -39336 -41176 -43006 -44821 -46617 -48390
-50137 -51853 -53534 -55178 -56778 -58333 -59838 -61289 -62684 -64019 -65290 -66494 -67629 -68692
-69679 -70590 -71420 -72169 -72835 -73415 -73908 -74313 -74630 -74856 -74992 75038
"""
"""The first half of the analysis window, in units of 2^-21; the other half mirrors it, with the
sign changed where the index is no multiple of 64."""
_BUTTERFLIES = np.array([-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037])


@dataclass(frozen=True)
class Transform:
    """A transform into the coefficients of one frame, at every position from a place on."""

    name: str
    hop: int
    """From one frame to the next, and how many coefficients a frame has."""
    span: int
    """Samples that a frame depends on, from its position on."""
    at: Callable[[Samples, NDArray[np.int64]], Samples]
    """Of samples, float32 (frames,), and positions: coefficients, float32 (positions, hop)."""
    rates_hz: tuple[int, ...] = (32_000, 44_100, 48_000)
    """Sample rates at which the codec has these frames."""
    phases: int = 1
    """Alignments within a hop that frames of one signal may have, evenly spaced."""
    apart: int = 1
    """Positions that lie so far apart share work."""
    emphasis: float = 0.0
    """Of the filter 1 - a z^-1 before the transform."""


def _mdct(name: str, window: NDArray[np.float64], **more: object) -> Transform:
    hop = len(window) // 2
    wide = window.astype(np.float32)

    def at(samples: Samples, positions: NDArray[np.int64]) -> Samples:
        half = hop // 2
        frames = np.lib.stride_tricks.sliding_window_view(samples, 2 * hop)[positions] * wide
        folded = np.empty((len(positions), hop), np.float32)
        np.subtract(-frames[:, 3 * half - 1 : 2 * half - 1 : -1], frames[:, 3 * half :],
                    out=folded[:, :half])  # fmt: skip
        np.subtract(frames[:, :half], frames[:, 2 * half - 1 : half - 1 : -1],
                    out=folded[:, half:])  # fmt: skip
        found: Samples = dct(folded, type=4, norm="ortho", overwrite_x=True)
        return found

    return Transform(name, hop, 2 * hop, at, **more)  # type: ignore[arg-type]


def _sine(size: int) -> NDArray[np.float64]:
    return np.sin(np.pi * (np.arange(size) + 0.5) / size)


def _kaiser_bessel_derived(size: int, alpha: float) -> NDArray[np.float64]:
    sums = np.cumsum(np.kaiser(size // 2 + 1, np.pi * alpha))
    half = np.sqrt(sums[:-1] / sums[-1])
    return np.concatenate([half, half[::-1]])


def _power_sine(size: int) -> NDArray[np.float64]:
    return np.sin(np.pi / 2 * _sine(size) ** 2)


def _low_overlap(hop: int, overlap: int) -> NDArray[np.float64]:
    slope, flat = _power_sine(2 * overlap), (hop - overlap) // 2
    half = np.concatenate([np.zeros(flat), slope[:overlap], np.ones(flat)])
    return np.concatenate([half, half[::-1]])


def _hybrid_matrices() -> tuple[Samples, Samples, Samples, Samples]:
    """Subbands of 512 samples, the oldest first; 18 lines of 36; and the butterflies' cos, sin."""
    half = np.array(_WINDOW.split(), np.float64) / 2**16
    window = np.zeros(TAPS)
    window[:257] = half
    mirrored = np.arange(1, 256)
    window[TAPS - mirrored] = np.where(mirrored % 64 == 0, 1, -1) * half[mirrored]
    band = 2 * np.arange(N_SUBBANDS) + 1
    subbands = window[:, None] * np.cos(band * ((np.arange(TAPS) % 64)[:, None] - 16) * np.pi / 64)
    t, line = np.arange(36)[:, None], 2 * np.arange(N_LINES) + 1
    lines = np.sin(np.pi / 36 * (t + 0.5)) * np.cos(np.pi / 72 * (2 * t + 19) * line)
    norm = np.sqrt(1 + _BUTTERFLIES**2)
    found = (subbands[::-1] / 8, lines * np.sqrt(2) / 3, 1 / norm, _BUTTERFLIES / norm)
    return tuple(np.ascontiguousarray(m, dtype=np.float32) for m in found)  # type: ignore[return-value]


_SUBBANDS, _LINES, _COS, _SIN = _hybrid_matrices()
_INVERTED = np.where(np.arange(36)[:, None] * np.arange(N_SUBBANDS) % 2, np.float32(-1), 1)
"""Odd subbands lie the wrong way round: their odd samples change sign."""
_HYBRID_SPAN = TAPS + 35 * N_SUBBANDS


def _hybrid_lines(subbands: Samples) -> Samples:
    """Transform samples of subbands, (granules, 36, 32), to coefficients, (granules, 576)."""
    turned = (subbands * _INVERTED).transpose(0, 2, 1).reshape(-1, 36)
    lines = (turned @ _LINES).reshape(len(subbands), N_SUBBANDS, N_LINES)
    below, above = lines[:, :-1, :9:-1].copy(), lines[:, 1:, :8].copy()
    lines[:, :-1, :9:-1] = below * _COS + above * _SIN
    lines[:, 1:, :8] = above * _COS - below * _SIN
    return lines.reshape(len(subbands), -1)


def _hybrid_at(samples: Samples, positions: NDArray[np.int64]) -> Samples:
    # Positions that lie a multiple of 32 apart share their samples of subbands.
    slots = np.lib.stride_tricks.sliding_window_view(samples, TAPS)
    found = np.empty((len(positions), 36, N_SUBBANDS), np.float32)
    for shift in np.unique(positions % N_SUBBANDS):
        chosen = np.flatnonzero(positions % N_SUBBANDS == shift)
        steps = positions[chosen] // N_SUBBANDS
        last = int(steps.max()) + 36
        rows = slots[shift::N_SUBBANDS][steps.min() : last]
        subbands = np.ascontiguousarray(rows) @ _SUBBANDS  # else BLAS would not take it
        windows = np.lib.stride_tricks.sliding_window_view(subbands, 36, axis=0)
        found[chosen] = windows[steps - steps.min()].transpose(0, 2, 1)
    return _hybrid_lines(found)


MP3 = Transform("MP3", N_SUBBANDS * N_LINES, _HYBRID_SPAN, _hybrid_at, apart=N_SUBBANDS)
AAC = _mdct("AAC", _kaiser_bessel_derived(2048, 4.0))
AAC_SINE = _mdct("AAC", _sine(2048))
VORBIS = _mdct("Vorbis", _power_sine(2048), phases=8)
OPUS = _mdct(
    "Opus", _low_overlap(CELT_HOP, CELT_OVERLAP), rates_hz=(48_000,), emphasis=CELT_EMPHASIS
)
