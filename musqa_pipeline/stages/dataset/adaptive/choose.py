"""Choose the cascades of a round: those expected to land where the pool is short.

References take turns, so that none runs ahead; at its turn each takes the untried cascade that is
worth most. A cascade is worth its chance of landing in bins that still need rows, the emptier the
bin the more, and less the more rows of its likeliest bin its reference and its processes gave
already. The round ends when the expected pool is large and even enough, or nothing helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash
from musqa_pipeline.core.settings.per_catalog import AdaptiveSettings
from musqa_pipeline.stages.dataset.adaptive.predict import N_PROCESSES, Prediction
from musqa_pipeline.stages.dataset.balance import bin_of
from musqa_pipeline.stages.dataset.quotas import fill_evenly
from musqa_pipeline.stages.dataset.uniformity import evenness

LEAST_HIT = 0.2
"""A cascade less likely than this to land in a bin that needs rows is left alone."""
N_STEPS = 2_000
"""Predictions are looked up in steps of 1 / N_STEPS; a bin of 20 is about 85 of them wide."""
NO_PROCESS = -1


@dataclass(frozen=True, eq=False)
class Pool:
    """Labelled rows that `dataset` may draw, each once; references by their place in a list."""

    quality: NDArray[np.float64]
    """Shape (rows,): labels, 0-1."""
    reference: NDArray[np.int64]
    """Shape (rows,)."""
    first: NDArray[np.int64]
    """Shape (rows,): process id less 1, `NO_PROCESS` for the untouched reference."""
    last: NDArray[np.int64]
    """Shape (rows,): the same, of the last half of a cascade; `NO_PROCESS` for others."""


@dataclass(frozen=True)
class Choice:
    """One cascade that a round is to make."""

    reference: int
    first: int
    """Process id less 1."""
    last: int
    predicted_quality: float
    bin: int
    hit: float
    """Chance that it lands in a bin that needs rows."""


def is_reached(counts: NDArray[np.int64], settings: AdaptiveSettings) -> bool:
    """Whether a pool gives the rows that are wanted, evenly."""
    drawn = fill_evenly(settings.rows_wanted, counts)
    even = evenness(drawn, np.ones(len(drawn), dtype=bool))
    return int(drawn.sum()) == settings.rows_wanted and even >= settings.evenness


def choose_cascades(
    prediction: Prediction,
    untried: NDArray[np.bool_],
    pool: Pool,
    edges: NDArray[np.float64],
    excerpt_ids: Sequence[str],
    settings: AdaptiveSettings,
    round_number: int,
) -> list[Choice]:
    """Choose what a round makes."""
    state = _Expected(prediction.error, pool, edges, len(excerpt_ids), settings)
    if is_reached(state.whole_counts(), settings):
        return []
    key = (settings.seed, round_number)
    turns = sorted(
        range(len(excerpt_ids)), key=lambda i: unit_interval_hash("adaptive", *key, excerpt_ids[i])
    )
    menus = []
    for i, excerpt_id in enumerate(excerpt_ids):
        cells = derive_generator("adaptive", *key, excerpt_id).permutation(N_PROCESSES**2)
        first, last = np.divmod(cells, N_PROCESSES)
        quality = prediction.quality[i, first, last]
        open_ = untried[i, first, last] & ~np.isnan(quality)
        menus.append(_Menu(i, first[open_], last[open_], quality[open_], state))
    chosen: list[Choice] = []
    for sweep in range(settings.cascades_per_round):
        before = len(chosen)
        for menu in (menus[i] for i in turns):
            if sweep and is_reached(state.whole_counts(), settings):
                return chosen
            # In the first sweep every reference takes part, whether or not it helps.
            choice = menu.take_best(state, least_hit=LEAST_HIT if sweep else 0.0)
            if choice:
                chosen.append(choice)
        if len(chosen) == before:
            break
        if sweep == 0 and not any(choice.hit >= LEAST_HIT for choice in chosen):
            return []
    return chosen


class _Expected:
    """The pool as it will be once what was chosen so far is made, in expectation."""

    def __init__(
        self,
        error: float,
        pool: Pool,
        edges: NDArray[np.float64],
        n_references: int,
        settings: AdaptiveSettings,
    ) -> None:
        self.edges, n_bins = edges, len(edges) - 1
        grid = np.arange(N_STEPS + 1) / N_STEPS
        self.chances = _chances(grid, edges, error)
        self.likeliest = bin_of(grid, edges).astype(np.int64)
        self.even_share = settings.rows_wanted / n_bins
        bins = bin_of(pool.quality, edges).astype(np.int64)
        self.counts = np.bincount(bins, minlength=n_bins).astype(np.float64)
        self.of_reference = np.zeros((n_references, n_bins))
        np.add.at(self.of_reference, (pool.reference, bins), 1.0)
        self.of_process = np.zeros((n_bins, N_PROCESSES))
        for half in (pool.first, pool.last):
            made = half != NO_PROCESS
            np.add.at(self.of_process, (bins[made], half[made]), 1.0)

    def whole_counts(self) -> NDArray[np.int64]:
        """Rows that each bin is expected to have, rounded down."""
        return np.floor(self.counts + 1e-9).astype(np.int64)

    def worth(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each step of prediction: the chance of a hit, and its worth."""
        open_ = self._open()
        emptiness = np.maximum(0.0, self.even_share - self.counts) / self.even_share
        return self.chances @ open_, self.chances @ (open_ * emptiness)

    def add(self, choice: Choice) -> None:
        self.counts += self.chances[_step(choice.predicted_quality)]
        self.of_reference[choice.reference, choice.bin] += 1.0
        for process in (choice.first, choice.last):
            self.of_process[choice.bin, process] += 1.0

    def _open(self) -> NDArray[np.float64]:
        return np.clip(self.even_share - self.counts, 0.0, 1.0)


class _Menu:
    """What one reference may still take, in the order of its hashes."""

    def __init__(
        self,
        reference: int,
        first: NDArray[np.int64],
        last: NDArray[np.int64],
        quality: NDArray[np.float64],
        state: _Expected,
    ) -> None:
        self.reference, self.first, self.last, self.quality = reference, first, last, quality
        self.steps = _step(quality)
        self.bins = state.likeliest[self.steps]
        self.left = np.ones(len(quality), dtype=bool)

    def take_best(self, state: _Expected, *, least_hit: float) -> Choice | None:
        """Take the cascade of most worth, None if no chance is as good as `least_hit`."""
        hit, worth = state.worth()
        n_references = len(state.of_reference)
        per_reference = 1.0 + state.even_share / n_references
        per_process = 1.0 + 2.0 * state.even_share / N_PROCESSES
        crowd = state.of_reference[self.reference, self.bins] / per_reference
        for half in (self.first, self.last):
            crowd += state.of_process[self.bins, half] / per_process
        score = np.where(self.left, worth[self.steps] / (1.0 + crowd), -1.0)
        score[hit[self.steps] < least_hit] = -1.0
        best = int(np.argmax(score)) if len(score) else 0
        if not len(score) or score[best] < 0:
            return None
        self.left[best] = False
        choice = Choice(
            self.reference,
            int(self.first[best]),
            int(self.last[best]),
            float(self.quality[best]),
            int(self.bins[best]),
            float(hit[self.steps[best]]),
        )
        state.add(choice)
        return choice


def _step(quality: NDArray[np.float64] | float) -> NDArray[np.int64]:
    return np.rint(np.asarray(quality) * N_STEPS).astype(np.int64)


def _chances(
    predicted: NDArray[np.float64], edges: NDArray[np.float64], error: float
) -> NDArray[np.float64]:
    """Chance of each bin, shape (predicted, bins): Laplace, whose mean error is `error`.

    Measured errors have a narrow peak and long tails (mean 0.007, root mean square 0.020).
    """
    borders = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    z = (borders[None, :] - predicted[:, None]) / error
    below = np.where(z < 0, 0.5 * np.exp(np.minimum(z, 0)), 1 - 0.5 * np.exp(-np.maximum(z, 0)))
    return np.diff(below, axis=1)
