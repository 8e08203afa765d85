"""What a description of music is worth where few recordings are labelled, out of fold.

A ridge answers, or whatever else is fitted on labelled rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from musqa_pipeline.core.seeds import derive_generator

PENALTIES = tuple(np.logspace(-1, 6, 8))
"""Among which errors on labelled recordings that were left out choose: rows of one recording are
too much alike to choose by."""
N_FOLDS = 5
N_INNER_FOLDS = 5
"""Of the labelled recordings, to choose among penalties."""


class Fitted(Protocol):
    """What predicts labels, (rows,), from features, (rows, features)."""

    def predict(self, features: Any, /) -> NDArray[np.float64]:
        """Predict rows."""


Fit = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]], Fitted]
"""Of features, labels and numbers of recordings of labelled rows."""


def most_labelled(n_recordings: int) -> int:
    """Return how many recordings lie outside the largest fold."""
    return n_recordings - -(-n_recordings // min(N_FOLDS, n_recordings))


def few_labels(
    features: ArrayLike,
    label: ArrayLike,
    recording: ArrayLike,
    *seed_key: str | int,
    n_labelled: int | None = None,
    fit: Fit | None = None,
) -> NDArray[np.float64]:
    """Predict the labels of each recording from those of a few others.

    Recordings lie in `N_FOLDS` folds, or as many as there are recordings; of those outside a fold
    `n_labelled` are drawn, and what is fitted on their rows predicts the fold.

    Parameters
    ----------
    features : array_like of float, shape (rows, features)
        The ridge standardises them, on the labelled rows.
    label : array_like of float, shape (rows,)
    recording : array_like, shape (rows,)
    *seed_key : str or int
        Seed of folds and of who is labelled; fewer are always among more.
    n_labelled : int, optional
        Recordings that are labelled; all outside the fold when left out.
    fit : callable, optional
        A ridge, whose penalty serves recordings that were left out, when left out.

    Returns
    -------
    ndarray of float64, shape (rows,)

    Raises
    ------
    ValueError
        With fewer than two recordings, or fewer outside a fold than are to be labelled.
    """
    x, y = np.asarray(features, dtype=np.float64), np.asarray(label, dtype=np.float64)
    names, index = np.unique(np.asarray(recording), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"{len(names)} recordings: expected two or more")
    order = derive_generator("few_labels", *seed_key).permutation(len(names))
    predicted = np.empty_like(y)
    for fold in range(min(N_FOLDS, len(names))):
        held = order[fold::N_FOLDS]
        others = np.array([name for name in order if name not in held])
        if n_labelled is not None and n_labelled > len(others):
            raise ValueError(f"n_labelled={n_labelled}: {len(others)} lie outside a fold")
        rows = np.isin(index, others[:n_labelled])
        fitted = (fit or chosen_ridge)(x[rows], y[rows], index[rows])
        asked = np.isin(index, held)
        predicted[asked] = fitted.predict(x[asked])
    return predicted


def chosen_ridge(
    x: NDArray[np.float64], y: NDArray[np.float64], recording: NDArray[np.intp]
) -> Pipeline:
    """Fit a ridge whose penalty serves recordings that it was not fitted on, if there are two."""
    n_recordings = len(np.unique(recording))
    if n_recordings < 2:
        return make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(x, y)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()),
        {"ridge__alpha": PENALTIES},
        scoring="neg_mean_squared_error",
        cv=GroupKFold(min(N_INNER_FOLDS, n_recordings)),
    )
    return search.fit(x, y, groups=recording).best_estimator_
