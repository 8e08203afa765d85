"""Draw rows from one bin so that no reference and no process dominates it.

Each row belongs to keys of several families: its reference, the one or two processes that made
it, its quarter of the bin. Rows are taken one by one; the next is always the row whose keys have
been used least so far, relative to an even share, and among equals the one with the lowest hash.
A key that has reached its cap is passed over while any row without such a key is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_KEY = -1
"""Marks a place of `Family.keys` that is not used, as the second process of a single."""
_UNIT = 1 << 20
"""Loads are whole multiples of 1 / _UNIT, so that equal loads are exactly equal."""
_OVER_CAP = 1 << 55
"""Added to a row's load for each of its keys that is at its cap: more than any load."""


@dataclass(frozen=True)
class Family:
    """One way to look at rows, over which a draw is spread."""

    keys: NDArray[np.int64]
    """Shape (rows, k): the keys of each row, from 0, all different; `NO_KEY` for none."""
    cap_fraction: float = 1.0
    """No key may be in more than this fraction of the rows drawn while others are left."""
    weight: float = 1.0
    """How much an uneven use of these keys counts beside that of other families."""


@dataclass(frozen=True)
class Spread:
    """What was drawn from one bin."""

    rows: NDArray[np.int64]
    """Positions of the rows drawn, in the order in which they were taken."""
    n_over_cap: int
    """Rows taken although one of their keys was at its cap, because no other row was left."""


def draw_spread(
    families: Sequence[Family],
    n: int,
    *,
    earlier: Sequence[NDArray[np.int64]] | None = None,
) -> Spread:
    """Take `n` rows, spread over the keys of all families."""
    n_rows = len(families[0].keys)
    load = np.zeros(n_rows, dtype=np.int64)
    states = []
    for i, family in enumerate(families):
        state = _FamilyState(family, n)
        if earlier is not None:
            load += state.load_of_earlier(earlier[i])
        states.append(state)
    taken = np.zeros(n, dtype=np.int64)
    n_over_cap = 0
    for i in range(n):
        row = int(load.argmin())
        n_over_cap += bool(load[row] >= _OVER_CAP)
        taken[i] = row
        for state in states:
            state.take(row, load)
        load[row] = np.iinfo(np.int64).max
    return Spread(taken, n_over_cap)


class _FamilyState:
    """How often each key of a family was taken, and the rows that have it."""

    def __init__(self, family: Family, n: int) -> None:
        self.keys = family.keys
        present = family.keys[family.keys >= 0]
        n_keys = int(present.max(initial=-1)) + 1
        self.n_present = len(np.unique(present))
        self.per_row = max(1.0, present.size / max(1, len(family.keys)))
        rows_of = np.nonzero(family.keys >= 0)[0]
        order = np.argsort(present, kind="stable")
        self.rows = rows_of[order]
        self.starts = np.searchsorted(present[order], np.arange(n_keys + 1))
        self.counts = np.zeros(n_keys, dtype=np.int64)
        self.cap = max(1, int(family.cap_fraction * n + 1e-9))
        # An even spread over the keys that are present gives each of them its weight in the end.
        self.weight = family.weight
        self.step = round(_UNIT * self.weight * self.n_present / (self.per_row * max(1, n)))

    def load_of_earlier(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Weigh rows by their keys' use in other bins, at half the weight of this bin."""
        padded = np.append(counts, 0)  # NO_KEY reads the last
        mean = max(1e-9, float(counts.sum()) / max(1, self.n_present))
        per_key = np.round(_UNIT / 2 * self.weight * padded / (mean * self.per_row)).astype(
            np.int64
        )
        return per_key[self.keys].sum(axis=1)

    def take(self, row: int, load: NDArray[np.int64]) -> None:
        """Count a row's keys and add to the load of all rows that share one."""
        for key in self.keys[row]:
            if key >= 0:
                self.counts[key] += 1
                sharing = self.rows[self.starts[key] : self.starts[key + 1]]
                sharing = sharing[load[sharing] != np.iinfo(np.int64).max]
                load[sharing] += self.step + (_OVER_CAP if self.counts[key] == self.cap else 0)
