"""Which frames an update masks and what it tells them from: functions of a generator alone.

Arrays end in axis letters: N crop, M masked frame, K negative. All crops of an update have as many
masked frames, so that they make one array.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Recipe

LEAST_STRETCHES = 2
"""In a crop."""
Indices = NDArray[np.int64]


class Drawn(NamedTuple):
    """The chance of an update."""

    masked_nm: Indices
    """Masked frames of each crop, in order."""
    negatives_nmk: Indices
    """What each is told from, as places in its pool: the masked frames of its crop, or with
    `negatives_elsewhere` those of all crops, one after the other."""
    own_nm: Indices
    """Place of each masked frame in its pool."""
    n_pool: int

    def multiplicities(self) -> NDArray[np.float32]:
        """Count how often each masked frame meets each of its pool, itself once: (n, m, n_pool)."""
        met = np.concatenate([self.negatives_nmk, self.own_nm[:, :, None]], axis=2)
        n_rows = self.own_nm.size
        places = met.reshape(n_rows, -1) + self.n_pool * np.arange(n_rows)[:, None]
        counts = np.bincount(places.ravel(), minlength=n_rows * self.n_pool)
        return counts.reshape(*self.own_nm.shape, self.n_pool).astype(np.float32)


def draw(n_crops: int, recipe: Wav2Vec2Recipe, rng: np.random.Generator) -> Drawn:
    """Draw masks and negatives.

    Parameters
    ----------
    n_crops : int
        Crops of the update.
    recipe : Wav2Vec2Recipe
        Its masks, negatives and frames.
    rng : Generator
        Seeded from (seed, update).

    Returns
    -------
    Drawn
        Of all crops.

    Raises
    ------
    SettingsError
        If negatives of other crops are wanted and there is no other.
    """
    masked_nm = draw_masks(
        n_crops, recipe.n_frames, fraction=recipe.mask_fraction, length=recipe.mask_frames, rng=rng
    )
    n_masked = masked_nm.shape[1]
    own_m = np.arange(n_masked)
    # One fewer to choose from, and those from itself on are one further.
    within = rng.integers(n_masked - 1, size=(n_crops, n_masked, recipe.negatives))
    within += within >= own_m[:, None]
    own_nm = np.tile(own_m, (n_crops, 1))
    if not recipe.negatives_elsewhere:
        return Drawn(masked_nm, within, own_nm, n_masked)
    if n_crops < 2:
        raise SettingsError(
            f"wav2vec 2.0: negatives_elsewhere={recipe.negatives_elsewhere} with one crop an "
            "update; raise batch_size"
        )
    first_n = n_masked * np.arange(n_crops)[:, None, None]
    n_others = n_masked * (n_crops - 1)
    elsewhere = rng.integers(n_others, size=(n_crops, n_masked, recipe.negatives_elsewhere))
    elsewhere += n_masked * (elsewhere >= first_n)
    negatives = np.concatenate([within + first_n, elsewhere], axis=2)
    return Drawn(masked_nm, negatives, own_nm + first_n[:, :, 0], n_masked * n_crops)


def draw_masks(
    n_crops: int, n_frames: int, *, fraction: float, length: int, rng: np.random.Generator
) -> Indices:
    """Draw which frames are masked, shape (n_crops, n_masked), in order.

    Stretches of `length` begin anywhere and may overlap; there are as many as would mask `fraction`
    of the frames if they did not, rounded up or down by chance, and at least two. Then frames are
    let go, drawn again, until no crop has more than another.
    """
    starts = n_frames - length + 1
    n_stretches = int(fraction * n_frames / length + rng.random())
    n_stretches = min(max(n_stretches, LEAST_STRETCHES), starts)
    masks = []
    for _ in range(n_crops):
        first = rng.choice(starts, n_stretches, replace=False)
        masks.append(np.unique(first[:, None] + np.arange(length)))
    n_masked = min(map(len, masks))
    return np.stack([np.sort(rng.choice(mask, n_masked, replace=False)) for mask in masks])
