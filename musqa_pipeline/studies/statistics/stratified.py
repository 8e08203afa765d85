"""Cross-validation with classes evenly spread: thirds, each halved to validate and to test."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.core.seeds import derive_generator, derive_seed


@dataclass(frozen=True, eq=False)
class Division:
    """Numbers of the rows of each part, in order; every row is in one of them."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def stratified_divisions(
    classes: ArrayLike, *seed_key: str | int, n_folds: int = 3
) -> list[Division]:
    """Divide rows as paper 004 does, so that every row is predicted once [1]_.

    A fold is what one training leaves out. One half of it validates and the other tests, then the
    halves change places: of 620 rows and three folds, 413 or 414 train, 103 or 104 validate and
    103 or 104 are predicted, in each of six trainings.

    Parameters
    ----------
    classes : array_like, shape (rows,)
        The class of each row, such as a quantile class of its label.
    *seed_key : str or int
        What the draw follows from.
    n_folds : int
        2 or more.

    Returns
    -------
    list of Division, 2 × `n_folds`
        Two in a row are one fold. Sizes of halves differ by one row at most, and so do the numbers
        of rows of a class in them.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or fewer rows than halves.

    References
    ----------
    .. [1] A. Ragano, E. Benetos, A. Hines, Audio quality assessment of vinyl music collections
       using self-supervised learning, 2023, section 4.1. The paper names the shares alone, and not
       that halves change places.
    """
    own = np.asarray(classes)
    n_halves = 2 * n_folds
    if n_folds < 2 or own.ndim != 1 or len(own) < n_halves:
        raise ValueError(
            f"n_folds={n_folds}, classes of shape {own.shape}: expected two folds or more, and one "
            "class each of at least as many rows as halves of folds"
        )
    drawn = derive_generator("stratified divisions", *seed_key).permutation(len(own))
    dealt = drawn[np.argsort(own[drawn], kind="stable")]  # class by class, by chance within each
    half_of = np.empty(len(own), dtype=np.intp)
    half_of[dealt] = np.arange(len(own)) % n_halves
    return _divisions_of(half_of, n_folds)


def grouped_divisions(
    classes: ArrayLike, groups: ArrayLike, *seed_key: str | int, n_folds: int = 3
) -> list[Division]:
    """Divide rows as `stratified_divisions` does, but with all rows of a group in one half.

    Parameters
    ----------
    classes : array_like, shape (rows,)
        The class of each row.
    groups : array_like, shape (rows,)
        What each row is of, such as a record; numbers or text.
    *seed_key : str or int
        What the draw follows from.
    n_folds : int
        2 or more.

    Returns
    -------
    list of Division, 2 × `n_folds`
        Two in a row are one fold. Sizes and classes are as even as groups allow.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or fewer groups than halves.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    own, of = np.asarray(classes), np.asarray(groups)
    n_halves = 2 * n_folds
    n_groups = len(np.unique(of))
    if n_folds < 2 or own.shape != of.shape or n_groups < n_halves:
        raise ValueError(
            f"n_folds={n_folds}, classes of shape {own.shape}, {n_groups} groups of shape "
            f"{of.shape}: expected two folds or more, and as many groups as halves of folds"
        )
    seed = derive_seed("grouped divisions", *seed_key) % 2**32
    dealer = StratifiedGroupKFold(n_halves, shuffle=True, random_state=seed)
    half_of = np.empty(len(own), dtype=np.intp)
    with warnings.catch_warnings():  # a class of fewer rows than halves is spread as far as it goes
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for half, (_, rows) in enumerate(dealer.split(own, own, of)):
            half_of[rows] = half
    return _divisions_of(half_of, n_folds)


def quantile_classes(values: ArrayLike, n_classes: int) -> NDArray[np.intp]:
    """Give each value a class from 0 on, by rank: all have as many values, but for one.

    Equal values are ranked in their order, and may so stand in two classes.
    """
    own = np.asarray(values, dtype=np.float64)
    ranks = np.empty(len(own), dtype=np.intp)
    ranks[np.argsort(own, kind="stable")] = np.arange(len(own))
    classes: NDArray[np.intp] = ranks * n_classes // len(own)
    return classes


def _divisions_of(half_of: NDArray[np.intp], n_folds: int) -> list[Division]:
    """List the two trainings of each fold; halves `fold` and `fold + n_folds` are one."""
    divisions = []
    for fold in range(n_folds):
        # Dealt in turns, a fold has every `n_folds`-th row, and a half every second one of these.
        halves = [np.flatnonzero(half_of == half) for half in (fold, fold + n_folds)]
        rest = np.flatnonzero(half_of % n_folds != fold)
        divisions += [Division(rest, halves[1], halves[0]), Division(rest, halves[0], halves[1])]
    return divisions
