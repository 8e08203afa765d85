"""How far generated images are from real ones, by numbers that need no network.

Each image is described by the level of bands over time, mean and deviation; the distance is
Fréchet's between normal distributions of these [1]_. With another description it is the FID.

References
----------
.. [1] D. C. Dowson, B. V. Landau, "The Fréchet distance between multivariate normal
   distributions", Journal of Multivariate Analysis 12 (1982), 450-455.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_BANDS = 32
"""Of the description, each the mean of neighbouring bands of an image: 64 numbers an image."""


def describe(images: NDArray[np.floating]) -> NDArray[np.float64]:
    """Describe images of shape (n, bands, frames): means, then deviations, (n, 2 `N_BANDS`)."""
    n, n_bands, n_frames = images.shape
    grouped = np.asarray(images, np.float64).reshape(n, N_BANDS, n_bands // N_BANDS, n_frames)
    level = grouped.mean(axis=2)
    return np.concatenate([level.mean(axis=2), level.std(axis=2)], axis=1)


def frechet_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two sets of points, each (n, d).

    Each set has 2 points or more; of fewer than d, covariances are singular, and the distance of
    equal distributions is the further from 0 the fewer there are.
    """
    (mean1, covariance1), (mean2, covariance2) = (
        (points.mean(axis=0), np.cov(points, rowvar=False)) for points in (first, second)
    )
    root = _root(covariance1)
    # (C1 C2)^(1/2) has the trace of (C1^(1/2) C2 C1^(1/2))^(1/2), which is symmetric.
    of_both = np.trace(_root(root @ covariance2 @ root))
    apart = np.square(mean1 - mean2).sum()
    return float(apart + np.trace(covariance1) + np.trace(covariance2) - 2 * of_both)


def _root(symmetric: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(symmetric)
    root: NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
