"""musqa-net with one thing changed each time: what each of its choices is worth.

Every ablation trains by musqa-net's recipe. `docs/musqa_net.md` has their results.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.bands import FLOOR_DB, N_BANDS, STATISTICS, STEP_DB
from musqa_pipeline.audio.metrics.perceptual.nlpd import NEIGHBOURS, SIGMA
from musqa_pipeline.learning.networks.musqa_net import (
    LEVEL_DB,
    LEVEL_RANGE_DB,
    N_CHANNELS,
    N_HIDDEN,
    Member,
    MusqaNet,
    bell_cross_entropy,
    cross_entropy,
    raised,
    statistics,
)
from musqa_pipeline.learning.networks.musqa_net_augmentation import (
    TRAINED_SEGMENTS,
    equalised,
    some_segments,
)

SMOOTHED_BANDS = 16
"""Bands that the ablation of frequency resolution averages: 1.5 kHz above 6 kHz."""
GENTLEST, GENTLE_WEIGHT = 0.3, 3.0
"""Slopes up to three poles, and how much more their rows count."""
N_LOOKED, N_HEADS, N_KEPT = 64, 4, 32
"""Of an attending member: what it sees of a segment, ways to weigh them, what each way keeps."""
N_CHANGES = 2
"""Channels of an ordered member beside the statistics."""


class ChangedNet(MusqaNet):
    """musqa-net that sees a changed image, of shape (n, n_segments, 1024) as before."""

    def __init__(self, change: Callable[[Tensor], Tensor], n_members: int) -> None:
        super().__init__(n_members)
        self.change = change

    def summed_up(self, images_nsx: Tensor) -> Tensor:
        """Return the statistics of the changed image, shape (n, 10, 256)."""
        return statistics(self.change(raised(images_nsx)))


def without_level(images_nsx: Tensor) -> Tensor:
    """Shift each image so that its loudest cell is 1: no level relative to loudness is left."""
    return images_nsx + (1 - images_nsx.amax(dim=(1, 2), keepdim=True))


def without_fine_bands(images_nsx: Tensor) -> Tensor:
    """Average `SMOOTHED_BANDS` neighbouring bands of each statistic."""
    bands = images_nsx.unflatten(2, (len(STATISTICS), N_BANDS // SMOOTHED_BANDS, SMOOTHED_BANDS))
    return bands.mean(dim=4, keepdim=True).expand_as(bands).flatten(2)


def no_level(n_members: int) -> MusqaNet:
    """Build musqa-net that sees no level relative to loudness."""
    return ChangedNet(without_level, n_members)


def coarse(n_members: int) -> MusqaNet:
    """Build musqa-net that sees coarse bands."""
    return ChangedNet(without_fine_bands, n_members)


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


def divisive(n_members: int) -> MusqaNet:
    """Build musqa-net whose bands are divided by fixed shares of their neighbours."""
    return ChangedNet(DividedBands(learnt=False), n_members)


def divisive_learnt(n_members: int) -> MusqaNet:
    """Build musqa-net whose bands are divided by shares of their neighbours that it learns."""
    return ChangedNet(DividedBands(learnt=True), n_members)


class AttendingMember(Member):
    """A member that also looks at each segment, and decides how much of it to keep."""

    def __init__(self) -> None:
        super().__init__()
        widths = (len(STATISTICS) + 1, 24, 32, 32)
        layers = [
            layer
            for c_in, c_out, kernel, stride in zip(
                widths, widths[1:], (7, 5, 5), (4, 4, 2), strict=False
            )
            for layer in (
                nn.Conv1d(c_in, c_out, kernel, stride=stride, padding=kernel // 2),
                nn.SiLU(),
            )
        ]
        n_left = N_BANDS // 32 * widths[-1]
        self.looked = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_left, N_LOOKED), nn.SiLU())
        self.attention = nn.Linear(N_LOOKED, N_HEADS)
        self.values = nn.Linear(N_LOOKED, N_KEPT)
        self.kept = nn.Linear(N_HEADS * N_KEPT, N_HIDDEN)

    def heard(self, statistics_ncb: Tensor) -> Tensor:
        """Add what is kept of segments, which follow the statistics as further channels."""
        levels_nscb = statistics_ncb[:, N_CHANNELS:].unflatten(1, (-1, len(STATISTICS)))
        n, n_segments = levels_nscb.shape[:2]
        frequency = levels_nscb[:, :, :1] * 0 + self.frequency_b
        looked = self.looked(torch.cat([levels_nscb, frequency], dim=2).flatten(0, 1))
        looked_nsc = looked.unflatten(0, (n, n_segments))
        share_nsh = torch.softmax(self.attention(looked_nsc), dim=1)
        kept_nhc = torch.einsum("nsh,nsc->nhc", share_nsh, self.values(looked_nsc))
        return super().heard(statistics_ncb[:, :N_CHANNELS]) + self.kept(kept_nhc.flatten(1))


class AttendingNet(MusqaNet):
    """musqa-net whose members see the segments beside their statistics."""

    def __init__(self, n_members: int) -> None:
        super().__init__(n_members)
        self.members = nn.ModuleList(AttendingMember() for _ in self.members)

    def summed_up(self, images_nsx: Tensor) -> Tensor:
        """Return the statistics, then the levels of each segment, (n, 10 + 4 n_segments, 256)."""
        heard_nsx = raised(images_nsx)
        level_db = heard_nsx.unflatten(2, (len(STATISTICS), N_BANDS)) * (255 * STEP_DB) + FLOOR_DB
        levels_ncb = ((level_db - LEVEL_DB) / LEVEL_RANGE_DB).flatten(1, 2)
        return torch.cat([super().summed_up(images_nsx), levels_ncb], dim=1)


class OrderedMember(Member):
    """A member that also sees how levels change from segment to segment."""

    n_channels = N_CHANNELS + N_CHANGES


class OrderedNet(MusqaNet):
    """musqa-net that knows the order of segments."""

    def __init__(self, n_members: int) -> None:
        super().__init__(n_members)
        self.members = nn.ModuleList(OrderedMember() for _ in self.members)

    def summed_up(self, images_nsx: Tensor) -> Tensor:
        """Return the statistics, and how far each level moves and rises, (n, 12, 256)."""
        heard_nsx = raised(images_nsx)
        cells_nskb = heard_nsx.unflatten(2, (len(STATISTICS), N_BANDS)) * (255 * STEP_DB)
        power_nsb = cells_nskb[:, :, 0]
        step_nsb = (power_nsb[:, 1:] - power_nsb[:, :-1]) / 6  # ONNX knows no diff
        changes = torch.stack([step_nsb.abs().mean(1) - 0.5, step_nsb.clamp(min=0).amax(1) - 1], 1)
        return torch.cat([super().summed_up(images_nsx), changes], dim=1)


def ordered_loss(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Return musqa-net's loss on as many segments, one after the other from an onset of chance."""
    n_onsets = images_nsx.shape[1] - TRAINED_SEGMENTS + 1
    onset = int(torch.randint(max(1, n_onsets), ()))
    heard_nsx = images_nsx[:, onset : onset + TRAINED_SEGMENTS]
    return cross_entropy(network, equalised(heard_nsx, quality_n), quality_n)


def gentle_loss(network: MusqaNet, images_nsx: Tensor, targets_nk: Tensor) -> Tensor:
    """Return musqa-net's loss, in which rows behind a gentle filter count `GENTLE_WEIGHT` times.

    Targets are quality, then `PLANNED`.
    """
    quality_n, slope_n = targets_nk[:, 0], targets_nk[:, 2]
    weight_n = torch.where(slope_n <= GENTLEST, GENTLE_WEIGHT, 1.0)  # of no filter: NaN
    summed_up_ncb = network.summed_up(equalised(some_segments(images_nsx), quality_n))
    losses = [
        (weight_n * bell_cross_entropy(member(summed_up_ncb), quality_n)).sum() / weight_n.sum()
        for member in network.members
    ]
    return torch.stack(losses).mean()


def unaugmented_loss(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Return musqa-net's loss on images that are not equalised."""
    return cross_entropy(network, some_segments(images_nsx), quality_n)


def point_loss(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Return the square error of the mean instead of the distribution's cross entropy."""
    return functional.mse_loss(network(equalised(some_segments(images_nsx), quality_n)), quality_n)
