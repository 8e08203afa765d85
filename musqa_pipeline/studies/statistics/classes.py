"""What is said of predicted classes: weighted F1, alone and over repetitions, and confusions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def confusions(true: ArrayLike, predicted: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Count how often each class was taken for each.

    Parameters
    ----------
    true, predicted : array_like of int, shape (rows,)
        Classes from 0 to `n_classes` - 1.
    n_classes : int

    Returns
    -------
    ndarray of int64, shape (n_classes, n_classes)
        A row for each true class, a column for each predicted one.
    """
    x, y = np.asarray(true, np.intp), np.asarray(predicted, np.intp)
    counts = np.bincount(x * n_classes + y, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


def weighted_f1(true: ArrayLike, predicted: ArrayLike) -> float | None:
    """Average the F1 scores of classes by how many rows each truly has (paper 003, section 3).

    F1 of a class is 2 TP / (2 TP + FP + FN), and 0 where nothing of it was found.

    Parameters
    ----------
    true : array_like of int, shape (rows,)
        Classes from 0.
    predicted : array_like of int, shape (rows,) or (rows, repetitions)
        Of several repetitions the mean is returned.

    Returns
    -------
    float or None
        In [0, 1]; None without rows.
    """
    x, y = np.asarray(true).astype(np.intp), np.asarray(predicted).astype(np.intp)
    if not len(x):
        return None
    y = y[:, None] if y.ndim == 1 else y
    n_classes = int(max(x.max(), y.max())) + 1
    found = []
    for column in y.T:
        table = confusions(x, column, n_classes)
        sizes = table.sum(axis=1)
        both = sizes + table.sum(axis=0)
        scores = np.divide(2 * np.diag(table), both, out=np.zeros(n_classes), where=both > 0)
        found.append(float(scores @ sizes) / len(x))
    return float(np.mean(found))
