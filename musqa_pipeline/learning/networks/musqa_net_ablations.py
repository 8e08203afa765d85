"""musqa-net with one thing changed each time: what each of its choices is worth.

Every ablation trains by musqa-net's recipe. `docs/musqa_net.md` has their results.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.bands import N_BANDS, STATISTICS
from musqa_pipeline.audio.metrics.perceptual.nlpd import NEIGHBOURS, SIGMA
from musqa_pipeline.learning.networks.musqa_net import MusqaNet, cross_entropy
from musqa_pipeline.learning.networks.musqa_net_augmentation import equalised, some_segments

SMOOTHED_BANDS = 16
"""Bands that the ablation of frequency resolution averages: 1.5 kHz above 6 kHz."""


class ChangedNet(MusqaNet):
    """musqa-net that sees a changed image, of shape (n, n_segments, 1024) as before."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def summed_up(self, images_nsx: Tensor) -> Tensor:
        """Return the statistics of the changed image, shape (n, 10, 256)."""
        return super().summed_up(self.change(images_nsx))


def without_level(images_nsx: Tensor) -> Tensor:
    """Shift each image so that its loudest cell is 1: no level relative to loudness is left."""
    return images_nsx + (1 - images_nsx.amax(dim=(1, 2), keepdim=True))


def without_fine_bands(images_nsx: Tensor) -> Tensor:
    """Average `SMOOTHED_BANDS` neighbouring bands of each statistic."""
    bands = images_nsx.unflatten(2, (len(STATISTICS), N_BANDS // SMOOTHED_BANDS, SMOOTHED_BANDS))
    return bands.mean(dim=4, keepdim=True).expand_as(bands).flatten(2)


def no_level() -> MusqaNet:
    """Build musqa-net that sees no level relative to loudness."""
    return ChangedNet(without_level)


def coarse() -> MusqaNet:
    """Build musqa-net that sees coarse bands."""
    return ChangedNet(without_fine_bands)


class DividedBands(nn.Module):
    """One divisive normalisation along frequency, in the form of NLPD.

    A cell is divided by a constant and what the bands beside it hold (Laparra et al., 2016,
    DOI 10.2352/ISSN.2470-1173.2016.16.HVEI-103, finest level; the weights above and below), and an
    image of one level of 0.5 stays as it is. Segments are no neighbours: training hears them in an
    order of chance.
    """

    def __init__(self, *, learnt: bool) -> None:
        super().__init__()
        above, _, _, below = NEIGHBOURS[0]
        shares = torch.tensor([SIGMA[0], below, above])
        self.shares = nn.Parameter(shares, requires_grad=learnt)

    def forward(self, images_nsx: Tensor) -> Tensor:
        """Return images of the same shape, (n, n_segments, 1024)."""
        constant, below, above = self.shares.abs()
        cells_nskb = images_nsx.unflatten(2, (len(STATISTICS), N_BANDS))
        padded = torch.cat([cells_nskb[..., :1], cells_nskb, cells_nskb[..., -1:]], dim=3)
        beside_nskb = below * padded[..., :-2] + above * padded[..., 2:]
        divided_nskb = cells_nskb / (constant + beside_nskb)
        return (divided_nskb * (constant + 0.5 * (below + above))).flatten(2)


def divisive() -> MusqaNet:
    """Build musqa-net whose bands are divided by fixed shares of their neighbours."""
    return ChangedNet(DividedBands(learnt=False))


def divisive_learnt() -> MusqaNet:
    """Build musqa-net whose bands are divided by shares of their neighbours that it learns."""
    return ChangedNet(DividedBands(learnt=True))


def one_member() -> MusqaNet:
    """Build musqa-net with a single member."""
    network = MusqaNet()
    network.members = nn.ModuleList([network.members[0]])
    return network


def unaugmented_loss(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Return musqa-net's loss on images that are not equalised."""
    return cross_entropy(network, some_segments(images_nsx), quality_n)


def point_loss(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Return the square error of the mean instead of the distribution's cross entropy."""
    return functional.mse_loss(network(equalised(some_segments(images_nsx), quality_n)), quality_n)
