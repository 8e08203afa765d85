"""musqa-net with one thing changed each time: what each of its choices is worth.

Every ablation trains by musqa-net's recipe. `docs/musqa_net.md` has their results.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.bands import N_BANDS, STATISTICS
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
