"""What a network sees and says of stored images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.networks.musqa_net import MusqaNet
from musqa_pipeline.release.model.domain import Domain, measures

_AT_ONCE = 64


def summed_up_rows(network: MusqaNet, images: ImageShards) -> NDArray[np.float32]:
    """Return what a network's members see of images.

    Parameters
    ----------
    network : MusqaNet
        In evaluation mode.
    images : ImageShards
        Band images.

    Returns
    -------
    ndarray of float32, shape (images, 10, 256)
        In storage order.
    """
    with torch.inference_mode():
        parts = [network.summed_up(batch.images).numpy() for batch in iter_rows(images, _AT_ONCE)]
    return np.concatenate(parts)


def what_it_says(
    network: MusqaNet, domain: Domain, images: ImageShards, keys: Sequence[tuple[str, str]]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Ask a network and the domain of its training data about images.

    Parameters
    ----------
    network : MusqaNet
        In evaluation mode.
    domain : Domain
        Of the rows that it was trained on.
    images : ImageShards
        Band images.
    keys : sequence of (catalog, degraded_id)
        Rows of `images`, in the order wanted.

    Returns
    -------
    ndarray of float32, shape (keys, 40)
        Probabilities of the steps of quality.
    ndarray of float64, shape (keys,)
        Distance from the cloud of the training data, not scaled.
    ndarray of float64, shape (keys,)
        By how much levels move, in dB.
    """
    found: dict[tuple[str, str], tuple[NDArray[np.float32], float, float]] = {}
    with torch.inference_mode():
        for batch in iter_rows(images, _AT_ONCE):
            probability = network.distribution(batch.images).numpy()
            cloud, swing = measures(domain, network.summed_up(batch.images).numpy())
            names = zip(batch.catalogs, batch.degraded_ids, strict=True)
            said = zip(probability, cloud.tolist(), swing.tolist(), strict=True)
            found.update(zip(names, said, strict=True))
    rows = [found[key] for key in keys]
    return (
        np.stack([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
    )
