"""Deep convolutional embedded clustering of windows: what it computes, and a finished run's answer.

Xie et al. [1]_ give each point a place among centres by Student's t of one degree of freedom, and
sharpen that place to what it is to become; Guo et al. [2]_ keep the decoder at work besides.

Axes: n windows, t frames, f bands, c features, k clusters.

References
----------
.. [1] J. Xie, R. Girshick and A. Farhadi, "Unsupervised Deep Embedding for Clustering Analysis",
   ICML 2016, arXiv:1511.06335, equations 1 to 3.
.. [2] X. Guo, X. Liu, E. Zhu and J. Yin, "Deep Clustering with Convolutional Autoencoders", ICONIP
   2017, doi:10.1007/978-3-319-70096-0_39.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor

from musqa_pipeline.audio.features.mel import decode_cells
from musqa_pipeline.audio.features.nisqa_mel import N_BANDS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.networks.nisqa import PIECE_FRAMES
from musqa_pipeline.learning.pretraining.framewise_networks import ClusteringNetwork
from musqa_pipeline.learning.pretraining.framewise_run import DCEC, read_record
from musqa_pipeline.learning.training.checkpoint import WEIGHTS_FILE, read_weights
from musqa_pipeline.learning.training.kept import filled

AT_ONCE = 64
"""Images that are looked at together."""
Labels = NDArray[np.int64]


def soft_assignments(embedded_nc: Tensor, centres_kc: Tensor) -> Tensor:
    """Return how much each window belongs to each centre, q: (n, k), whose rows add up to 1."""
    squares_nk = (embedded_nc.unsqueeze(1) - centres_kc).square().sum(2)
    nearness_nk = 1 / (1 + squares_nk)
    return nearness_nk / nearness_nk.sum(1, keepdim=True)


def targets_of(q_nk: Tensor) -> Tensor:
    """Return what assignments are to become, p: squares over what each cluster has, (n, k)."""
    sharpened_nk = q_nk.square() / q_nk.sum(0)
    return sharpened_nk / sharpened_nk.sum(1, keepdim=True)


def divergence(targets_nk: Tensor, q_nk: Tensor) -> Tensor:
    """Return the mean KL(p || q) of windows, in nats."""
    return (torch.xlogy(targets_nk, targets_nk) - targets_nk * q_nk.log()).sum(1).mean()


def first_centres(
    embedded_nc: NDArray[np.float64], *, n_clusters: int, n_starts: int, seed: int
) -> NDArray[np.float64]:
    """Return the centres of k-means, shape (n_clusters, c): the best of `n_starts` by k-means++.

    Parameters
    ----------
    embedded_nc : ndarray of float64, shape (n, c)
        Of all windows.
    n_clusters : int
        Centres.
    n_starts : int
        From which it begins.
    seed : int
        Of the starts.

    Returns
    -------
    ndarray of float64, shape (n_clusters, c)
        The same on any number of threads.

    Raises
    ------
    StageError
        If there are fewer windows, or fewer that differ, than clusters.
    """
    n_different = len(np.unique(embedded_nc, axis=0))
    if n_different < n_clusters:
        raise StageError(
            f"DCEC: {len(embedded_nc)} windows, {n_different} of which differ, for n_clusters="
            f"{n_clusters}; add recordings to the catalogs, or lower n_clusters"
        )
    means = KMeans(n_clusters, n_init=n_starts, random_state=seed % 2**32)
    with threadpool_limits(1):
        centres: NDArray[np.float64] = means.fit(embedded_nc).cluster_centers_
    return centres


def clusters_of(folder: Path, images_ntf: NDArray[np.uint8] | NDArray[np.float32]) -> Labels:
    """Say in which cluster of a finished run images are.

    Parameters
    ----------
    folder : Path
        Of a finished run of `train_dcec`.
    images_ntf : ndarray of uint8, or of float in 0-1, shape (n, frames, 48)
        Images as of `nisqa_mel`, of any length from 15 frames on.

    Returns
    -------
    ndarray of int64, shape (n,)
        Numbers from 0.

    Raises
    ------
    LakeError
        If the folder holds another network, no finished run, or damaged files.
    StageError
        If the images have another shape.
    """
    if images_ntf.ndim != 3 or images_ntf.shape[1] < PIECE_FRAMES or images_ntf.shape[2] != N_BANDS:
        raise StageError(
            f"clusters: images of shape {images_ntf.shape}, expected (n, {PIECE_FRAMES} or more, "
            f"{N_BANDS}); give images of nisqa_mel"
        )
    made = read_record(folder, (DCEC,))
    path = Path(folder) / WEIGHTS_FILE
    network = filled(
        lambda: ClusteringNetwork(made["piece_hop_frames"], made["n_clusters"]),
        read_weights(path),
        path,
    ).eval()
    found = [np.empty(0, np.int64)]
    for first in range(0, len(images_ntf), AT_ONCE):
        some = torch.from_numpy(decode_cells(images_ntf[first : first + AT_ONCE]))
        with torch.no_grad():
            found.append(
                soft_assignments(network.embed(some), network.centres_kc).argmax(1).numpy()
            )
    return np.concatenate(found)
