"""Who learns, who chooses and who is tested: one round of three parts, or folds by recording."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator

N_FOLDS = 5
FEWEST = 2
"""Recordings of a class in a part: of one alone nothing can be learned, or said."""
PARTS = ("train", "validation", "test")
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Round:
    """Rows by part: to `train` all is fitted, on `validation` all is chosen."""

    train: Rows
    validation: Rows
    test: Rows


def one_round(
    part: Sequence[str], label: ArrayLike, recording: Sequence[str], classes: Sequence[str]
) -> list[Round]:
    """Take parts as they are given.

    Parameters
    ----------
    part : sequence of str
        train, validation or test, by row.
    label : array_like of int, shape (rows,)
        Classes from 0.
    recording : sequence of str
        Whose recording each row is.
    classes : sequence of str
        Names of the classes.

    Returns
    -------
    list of Round
        One.

    Raises
    ------
    StageError
        If a class has fewer than two recordings in a part.
    """
    parts = np.asarray(part)
    found = Round(*(np.flatnonzero(parts == name) for name in PARTS))
    for name in PARTS:
        _check(getattr(found, name), name, np.asarray(label), recording, classes)
    return [found]


def folds(
    label: ArrayLike,
    recording: Sequence[str],
    classes: Sequence[str],
    *seed_key: str | int,
    n_folds: int = N_FOLDS,
) -> list[Round]:
    """Test each recording once: recordings of each class are spread over folds.

    Parameters
    ----------
    label : array_like of int, shape (rows,)
        Classes from 0; all rows of a recording have the same.
    recording : sequence of str
    classes : sequence of str
        Names of the classes.
    *seed_key : str or int
        Seed of the order in which recordings are dealt out.
    n_folds : int
        Three or more.

    Returns
    -------
    list of Round
        A fold is tested, the next one chooses, the others train.

    Raises
    ------
    StageError
        If a class has fewer than two recordings that train in a round.
    """
    labels = np.asarray(label)
    of_class = defaultdict(list)
    for name, number in sorted(set(zip(recording, labels.tolist(), strict=True))):
        of_class[number].append(name)
    chance = derive_generator("classification.folds", *seed_key)
    fold_of, dealt = {}, 0
    for number in sorted(of_class):
        for name in chance.permutation(of_class[number]).tolist():
            fold_of[name], dealt = dealt % n_folds, dealt + 1
    fold = np.array([fold_of[name] for name in recording], np.intp)
    rounds = []
    for tested in range(n_folds):
        chooses = (tested + 1) % n_folds
        rounds.append(
            Round(
                np.flatnonzero((fold != tested) & (fold != chooses)),
                np.flatnonzero(fold == chooses),
                np.flatnonzero(fold == tested),
            )
        )
        _check(rounds[-1].train, "train", labels, recording, classes)
    return rounds


def _check(
    rows: Rows,
    part: str,
    label: NDArray[np.generic],
    recording: Sequence[str],
    classes: Sequence[str],
) -> None:
    for number, name in enumerate(classes):
        n = len({recording[row] for row in rows if label[row] == number})
        if n < FEWEST:
            raise StageError(
                f"genres: {name!r} has {n} recordings in the part {part}: expected {FEWEST} or "
                "more; add recordings of it, or leave the genre out"
            )
