"""How far an excerpt is from what a network was trained on: two measures, the larger one counts.

The first is the distance from a cloud of known music: of the ten statistics for each of 256 bands
that musqa-net sees, averaged over `BANDS_TOGETHER` neighbours. Principal components
say in which directions music varies; what lies off them is measured too, with one variance for all
of it. The distance is Mahalanobis' under that covariance, as in probabilistic principal components
[1]_, with equal weights for the part along the components and the part off them.

The second is how little the levels move. Music changes from second to second, tones and noise do
not. The cloud alone takes a noise in the band of a telephone for dull music;
`docs/model_release.md` has the figures.

References
----------
.. [1] M. E. Tipping, C. M. Bishop, "Probabilistic principal component analysis", J. R. Statist.
   Soc. B 61 (3), 1999, doi:10.1111/1467-9868.00196.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.bands import FLOOR_DB
from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.files import explained, whole_file
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.networks.musqa_net import (
    LEVEL_DB,
    LEVEL_RANGE_DB,
    MusqaNet,
    heard_statistics,
)
from musqa_pipeline.release.model.calibration import weighted_quantile

BANDS_TOGETHER = 4
N_COMPONENTS = 32
BEYOND = 0.005
"""Share of unmet music that may lie beyond 1.0."""
FARTHEST = 100.0
"""No distance is above: of a pure tone a larger one says nothing more."""
_MEAN, _LEAST, _GREATEST = 1, 2, 3
"""Numbers of the statistics of a band's level."""
_FADE_DB = (5.0, 15.0)
"""So far above the floor a band begins to count, and counts in full."""
_LITTLE = 0.01
_MARGIN = 1e-3
"""Least variance, as a part of the mean one, so that constant training data divide by no zero."""
_AT_ONCE = 64
IS_NOISY = pl.any_horizontal(
    pl.col("first_name", "last_name").is_in(["white_noise", "pink_noise"]).fill_null(value=False)
)
"""Rows with noise in them: music ought to be told from noise, so they shape neither measure."""


@dataclass(frozen=True)
class Domain:
    """The cloud of the training data."""

    mean: NDArray[np.float32]
    """Shape (features,)."""
    components: NDArray[np.float32]
    """Orthonormal, shape (features, components)."""
    variances: NDArray[np.float32]
    """Along each component, shape (components,)."""
    rest_variance: float
    """Mean variance of a direction off the components."""


@dataclass(frozen=True)
class Scale:
    """Where distances become 1.0, which is where the scorer abstains."""

    cloud: float
    """Distance from the cloud."""
    swing_db: float
    """Least movement of the levels."""


class DomainDistance(nn.Module):
    """The distance as a part of the network's graph."""

    mean: Tensor
    components: Tensor
    precision: Tensor

    def __init__(self, domain: Domain, scale: Scale) -> None:
        super().__init__()
        features, components = domain.components.shape
        self.register_buffer("mean", torch.from_numpy(domain.mean))
        self.register_buffer("components", torch.from_numpy(domain.components))
        precision = 1.0 / (components * domain.variances)
        self.register_buffer("precision", torch.from_numpy(precision.astype(np.float32)))
        self.rest_weight = 1.0 / (domain.rest_variance * max(1, features - components))
        self.scale = scale

    def forward(self, summed_up_ncb: Tensor) -> Tensor:
        """Return the distance, shape (n,), of statistics, shape (n, 10, 256)."""
        cloud = self.from_cloud(summed_up_ncb) / self.scale.cloud
        still = self.scale.swing_db / swing_db(summed_up_ncb)
        return torch.maximum(cloud, still).clamp(max=FARTHEST)

    def from_cloud(self, summed_up_ncb: Tensor) -> Tensor:
        """Return the distance from the cloud alone, not scaled; about 1.4 for a training row."""
        centred = pooled(summed_up_ncb) - self.mean
        along = centred @ self.components
        off = centred - along @ self.components.T
        square = along.square() @ self.precision + off.square().sum(dim=1) * self.rest_weight
        return square.sqrt()


def swing_db(summed_up_ncb: Tensor) -> Tensor:
    """Return by how much the level of a band moves from segment to segment."""
    level, least, greatest = (summed_up_ncb[:, k] for k in (_MEAN, _LEAST, _GREATEST))
    level_db = level * LEVEL_RANGE_DB + LEVEL_DB
    heard = ((level_db - FLOOR_DB - _FADE_DB[0]) / (_FADE_DB[1] - _FADE_DB[0])).clamp(0, 1)
    moved_db = (greatest - least) * LEVEL_RANGE_DB
    return ((moved_db * heard).sum(dim=1) + _LITTLE) / (heard.sum(dim=1) + _LITTLE)


def pooled(summed_up_ncb: Tensor) -> Tensor:
    """Average neighbouring bands: (n, 10, 256) to (n, 10 x 256 / `BANDS_TOGETHER`)."""
    return functional.avg_pool1d(summed_up_ncb, BANDS_TOGETHER).flatten(1)


def fit_domain(summed_up_ncb: NDArray[np.floating]) -> Domain:
    """Fit the cloud of the training data."""
    rows = (
        pooled(torch.from_numpy(np.asarray(summed_up_ncb, np.float32))).numpy().astype(np.float64)
    )
    mean = rows.mean(axis=0)
    covariance = np.cov(rows, rowvar=False, bias=True)
    variances, directions = np.linalg.eigh(covariance)
    floor = _MARGIN * max(float(variances.mean()), _MARGIN)
    chosen = slice(None, -N_COMPONENTS - 1, -1)
    rest = max(float(variances[:-N_COMPONENTS].mean()), floor)
    return Domain(
        mean=mean.astype(np.float32),
        components=np.ascontiguousarray(directions[:, chosen], np.float32),
        variances=np.maximum(variances[chosen], rest).astype(np.float32),
        rest_variance=rest,
    )


def measures(
    domain: Domain, summed_up_ncb: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both measures of excerpts, not scaled."""
    seen = torch.from_numpy(np.asarray(summed_up_ncb, np.float32))
    with torch.inference_mode():
        cloud = DomainDistance(domain, Scale(1.0, 0.0)).from_cloud(seen)
        return cloud.double().numpy(), swing_db(seen).double().numpy()


def fit_scale(
    cloud: NDArray[np.floating], swing: NDArray[np.floating], weight: NDArray[np.floating]
) -> Scale:
    """Choose the scale so that 1.0 is above nearly all unmet music."""
    return Scale(
        cloud=weighted_quantile(cloud, weight, 1 - BEYOND / 2),
        swing_db=-weighted_quantile(-np.asarray(swing), weight, 1 - BEYOND / 2),
    )


def scaled(
    cloud: NDArray[np.floating], swing: NDArray[np.floating], scale: Scale
) -> NDArray[np.float64]:
    """Return the distance that a model file gives, of measures that are not scaled."""
    still = scale.swing_db / np.asarray(swing)
    return np.minimum(np.maximum(np.asarray(cloud) / scale.cloud, still), FARTHEST)


def write_domain(domain: Domain, path: Path) -> None:
    """Write a domain as ``.npz``."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **vars(domain))


def read_domain(path: Path) -> Domain:
    """Read what `write_domain` wrote."""
    try:
        with (
            explained("read", path),
            np.load(io.BytesIO(seals.read(path)), allow_pickle=False) as kept,
        ):
            return Domain(
                kept["mean"], kept["components"], kept["variances"], float(kept["rest_variance"])
            )
    except (KeyError, ValueError) as error:
        raise LakeError(f"{path} is damaged ({error}); delete the unit and run again") from error


def summed_up_rows(images: ImageShards) -> NDArray[np.float32]:
    """Return the statistics of images."""
    with torch.inference_mode():
        parts = [heard_statistics(batch.images).numpy() for batch in iter_rows(images, _AT_ONCE)]
    return np.concatenate(parts)


def what_it_says(
    network: MusqaNet, domain: Domain, images: ImageShards, keys: Sequence[tuple[str, str]]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Ask a network and the domain of its training data about images."""
    found: dict[tuple[str, str], tuple[NDArray[np.float32], float, float]] = {}
    with torch.inference_mode():
        for batch in iter_rows(images, _AT_ONCE):
            probability = network.distribution(batch.images).numpy()
            cloud, swing = measures(domain, heard_statistics(batch.images).numpy())
            names = zip(batch.catalogs, batch.degraded_ids, strict=True)
            said = zip(probability, cloud.tolist(), swing.tolist(), strict=True)
            found.update(zip(names, said, strict=True))
    probabilities, clouds, swings = zip(*(found[key] for key in keys), strict=True)
    return np.stack(probabilities), np.array(clouds), np.array(swings)
