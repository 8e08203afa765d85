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
    """Return what a network's members see of images."""
    with torch.inference_mode():
        parts = [network.summed_up(batch.images).numpy() for batch in iter_rows(images, _AT_ONCE)]
    return np.concatenate(parts)


def what_it_says(
    network: MusqaNet, domain: Domain, images: ImageShards, keys: Sequence[tuple[str, str]]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Ask a network and the domain of its training data about images."""
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
