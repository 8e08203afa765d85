"""Quality of degraded signals against their references, by a network that hears both.

`musqa compare` prints what this module finds. Signals are aligned once, over all of their time, and
cut to what they share. What is longer than a window is judged window by window, as `Scorer` cuts
them: levels are relative to the window's own, as in what the network learned from.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.gammatone_bands import pair_image
from musqa_pipeline.audio.features.pair_alignment import cut_to_common, find_lag_samples
from musqa_pipeline.audio.files.blocks import in_blocks
from musqa_pipeline.audio.files.pairs import Pair
from musqa_pipeline.audio.metrics.pair_files import PairLabel, ReferenceFile, attempt, failed
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.scoring.abstain import SILENCE
from musqa_pipeline.scoring.combine import MIXED_MOS
from musqa_pipeline.scoring.score import WindowScore
from musqa_pipeline.scoring.windows import (
    LEAST_SOUND_S,
    SHORTEST_S,
    SILENT_BELOW_PEAK_DB,
    Window,
    WindowCutter,
    shares_s,
)
from musqa_pipeline.scoring.words import HIGHEST_MOS, LOWEST_MOS, word_of

SILENT_DBFS = -80.0
"""A signal whose RMS lies below is silent: dither of 16 bit has -93."""


class PairNetwork(Protocol):
    """What says how good the second half of a pair's image is."""

    @property
    def label(self) -> str:
        """Name and version, as scores carry it."""

    def quality(self, image: NDArray[np.float32]) -> float:
        """Return the quality of an image of `pair_image`, (mos - 1) / 4 and not clipped."""


@dataclass(frozen=True)
class Comparison:
    """What the network says of a pair."""

    mos: float
    """The metric's MOS as predicted, 1 to 5: the mean of the windows, weighted by seconds of the
    reference's sound."""
    quality: float
    """(mos - 1) / 4."""
    lag_samples: int
    """Delay of the degraded signal that was undone; positive if it was late."""
    common_s: float
    """Time that both signals share after that."""
    windows: tuple[WindowScore, ...]
    """Of 10 s, in seconds of the reference; one alone of what is no longer."""
    model: str
    """Name and version of the network."""

    @property
    def word(self) -> str:
        """What the score means, from `words.py`."""
        return word_of(self.mos).name

    @property
    def lowest(self) -> WindowScore:
        """The worst window, the first of several."""
        return min((w for w in self.windows if w.mos is not None), key=lambda w: w.mos or 0.0)

    @property
    def flags(self) -> tuple[str, ...]:
        """What to know about the number: partly_scored, mixed_windows; as in a `Score`."""
        scores = [window.mos for window in self.windows if window.mos is not None]
        flags = {
            "partly_scored": len(scores) < len(self.windows),
            "mixed_windows": max(scores) - min(scores) > MIXED_MOS,
        }
        return tuple(name for name, is_set in flags.items() if is_set)


class Comparer:
    """Compares signals and files by a network.

    Parameters
    ----------
    network : PairNetwork
        A `PairModel`, or a training of `musqa_pipeline.learning.intrusive.run`.
    """

    def __init__(self, network: PairNetwork) -> None:
        self.network = network

    def compare(self, reference: NDArray[np.float32], degraded: NDArray[np.float32]) -> Comparison:
        """Compare two signals.

        Parameters
        ----------
        reference, degraded : ndarray of float32, shape (samples,)
            Mono, 48 kHz; levels do not matter, lengths may differ.

        Returns
        -------
        Comparison
            Neither level nor delay moves its score by more than rounding and the grid of frames do,
            but for what is equal sample by sample: it has the score that ViSQOL gives a copy.

        Raises
        ------
        UnfitInputError
            If a signal is silent or not finite, they share less than 0.96 s, what they share holds
            too little sound, or the network's answer is no number.
        """
        _require_sound(reference, "the reference")
        _require_sound(degraded, "the degraded signal")
        lag = find_lag_samples(reference, degraded)
        first, second = cut_to_common(reference, degraded, lag)
        start_s = max(0, -lag) / SAMPLE_RATE_HZ
        if len(first) <= EXCERPT_SAMPLES:
            stop_s = start_s + len(first) / SAMPLE_RATE_HZ
            windows, weights = [WindowScore(start_s, stop_s, self._mos(first, second))], [1.0]
        else:
            windows, weights = self._windows(first, second, start_s)
        known = [window.mos for window in windows]
        mos = float(np.average([m for m in known if m is not None], weights=weights))
        return Comparison(
            mos=mos,
            quality=(mos - 1.0) / 4.0,
            lag_samples=lag,
            common_s=len(first) / SAMPLE_RATE_HZ,
            windows=tuple(windows),
            model=self.network.label,
        )

    def _windows(
        self, reference: NDArray[np.float32], degraded: NDArray[np.float32], begin_s: float
    ) -> tuple[list[WindowScore], list[float]]:
        """Judge all windows; return them, and the weights of those that have a score.

        A window in which the degraded signal alone is silent has the lowest score: so ViSQOL judges
        what is nothing but dither, and the network knows no such image.
        """
        cutter = WindowCutter(SAMPLE_RATE_HZ)
        cuts = itertools.chain.from_iterable(map(cutter.push, in_blocks(reference, 1)))
        lost_power = _power(degraded) * 10 ** (-SILENT_BELOW_PEAK_DB / 10)
        found, spans = [], []
        for window in itertools.chain(cuts, _last_of(cutter)):
            part = slice(window.start_frame, window.stop_frame)
            mos, abstained = None, ""
            if window.sound_s < LEAST_SOUND_S:
                abstained = SILENCE
            else:
                spans.append((window.section, window.start_frame, window.stop_frame))
                lost = _power(degraded[part]) <= lost_power
                mos = LOWEST_MOS if lost else self._mos(reference[part], degraded[part])
            start_s, stop_s = (begin_s + at / SAMPLE_RATE_HZ for at in (part.start, part.stop))
            found.append(WindowScore(start_s, stop_s, mos, abstained=abstained))
        if not spans:
            raise UnfitInputError(
                "too_short",
                f"no 10 s of what they share hold {SHORTEST_S:g} s of sound in the reference",
                "compare the parts that have sound",
            )
        return found, shares_s(cutter.sections, spans, cutter.cell_frames).tolist()

    def _mos(self, reference: NDArray[np.float32], degraded: NDArray[np.float32]) -> float:
        image = pair_image(reference, degraded)
        if np.array_equal(reference, degraded):
            return HIGHEST_MOS
        quality = self.network.quality(image)
        return 1.0 + 4.0 * min(max(quality, 0.0), 1.0)


def compare_pairs(pairs: Iterable[Pair], comparer: Comparer) -> Iterator[PairLabel[Comparison]]:
    """Compare pairs of files.

    Parameters
    ----------
    pairs : iterable of Pair
        From `musqa_pipeline.audio.files.pairs`; a reference is read once for its neighbours.
    comparer : Comparer
        With the network.

    Yields
    ------
    PairLabel
        In their order, each as soon as it is done; a pair that cannot be scored says why.
    """
    read_reference = functools.lru_cache(maxsize=1)(ReferenceFile)

    def label(pair: Pair) -> PairLabel[Comparison]:
        file = read_reference(pair.reference)
        degraded, warnings = file.read_degraded(pair.degraded)
        score = comparer.compare(file.signal.samples, degraded.samples)
        return PairLabel(pair.reference_name, pair.degraded_name, score, warnings=warnings)

    for pair in pairs:
        yield failed(pair, pair.error) if pair.error else attempt(label, pair)


def worst_first(found: Iterable[PairLabel[Comparison]]) -> list[PairLabel[Comparison]]:
    """Sort pairs by their score, the lowest first; those without one come last, in their order.

    Parameters
    ----------
    found : iterable of PairLabel
        From `compare_pairs`.

    Returns
    -------
    list of PairLabel
        All of them.
    """
    return sorted(found, key=lambda pair: math.inf if pair.score is None else pair.score.mos)


def _last_of(cutter: WindowCutter) -> Iterator[Window]:
    """Return the windows that were waiting for more, once all the others were taken."""
    yield from cutter.finish()


def _power(samples: NDArray[np.float32]) -> float:
    return float(np.vdot(samples, samples)) / max(1, len(samples))


def _require_sound(samples: NDArray[np.float32], name: str) -> None:
    power = _power(samples)
    if not math.isfinite(power):
        raise UnfitInputError(
            "not_finite", f"{name} has samples that are NaN or infinite", "write it anew"
        )
    if power < 10 ** (SILENT_DBFS / 10):
        raise UnfitInputError(
            "silent",
            f"the mono mix of {name} is silent (below {SILENT_DBFS:g} dBFS): it has no sound, or "
            "its channels cancel",
            "compare signals that have sound, or check the polarity of a channel",
        )
