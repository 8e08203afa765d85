"""musqa-net: our own network, which sees the band image and answers with a distribution.

Statistics over time come first, ten for each of 256 bands, then convolutions along frequency:
what a codec or a filter did shows in which bands are thinned, torn or empty, hardly in when.
The answer is a distribution over 40 steps of quality, because a dark recording and a low-passed
one can look alike; its mean is the prediction with the least squared error. Four members answer,
trained side by side from different weights, and their distributions are averaged.

`docs/musqa_net.md` says what each choice brought. Tensor names end in axis letters: N image,
S segment, K statistic of the band image, B band, C channel, Q step of quality.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.equaliser import SLOPE_DB_PER_OCTAVE
from musqa_pipeline.audio.features.bands import FLOOR_DB, HEARD_CELL, N_BANDS, STATISTICS, STEP_DB
from musqa_pipeline.learning.networks.musqa_net_augmentation import (
    darkened,
    equalised,
    some_segments,
)

N_STEPS = 40
HIGHEST_STEP = 0.95
"""ViSQOL gives a signal that equals its reference 0.933; the steps end a little above."""
LABEL_WIDTH = 0.02
"""Standard deviation of the bell that stands for a label: about one step."""
WIDTHS = (32, 48, 64, 80, 96)
N_HIDDEN = 128
N_MEMBERS = 4
DROPOUT_RATE = 0.1
N_CHANNELS = 10
LEVEL_DB, LEVEL_RANGE_DB = -50.0, 25.0
"""What makes levels in dB numbers around 0."""
_NEPER_PER_DB = math.log(10) / 10


class Member(nn.Module):
    """Statistics in, logits of quality out.

    Five convolutions of stride 2 along frequency with SiLU, a dense layer, 40 logits. A channel
    that rises from low to high bands tells the convolutions where they are. There is no norm over
    batches or bands: it would take away levels, and what they are relative to loudness matters.
    """

    frequency_b: Tensor
    n_channels = N_CHANNELS

    def __init__(self) -> None:
        super().__init__()
        channels = (self.n_channels + 1, *WIDTHS)
        kernels = (7, 5, 5, 5, 5)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(c_in, c_out, kernel, stride=2, padding=kernel // 2)
            for c_in, c_out, kernel in zip(channels, WIDTHS, kernels, strict=False)
        )
        self.dropout = nn.Dropout(DROPOUT_RATE)
        self.hidden = nn.Linear(WIDTHS[-1] * N_BANDS // 2 ** len(WIDTHS), N_HIDDEN)
        self.logits = nn.Linear(N_HIDDEN, N_STEPS)
        self.register_buffer("frequency_b", torch.linspace(-1, 1, N_BANDS), persistent=False)

    def forward(self, statistics_ncb: Tensor) -> Tensor:
        """Return the logits, shape (n, 40), of the steps 0 to 0.95; see `statistics`."""
        logits: Tensor = self.logits(self.heard(statistics_ncb))
        return logits

    def heard(self, statistics_ncb: Tensor) -> Tensor:
        """Return what the logits are a linear function of, shape (n, `N_HIDDEN`)."""
        # A product, because an export to ONNX would freeze expand() to one number of images.
        frequency_n1b = statistics_ncb[:, :1] * 0 + self.frequency_b
        x_ncb = torch.cat([statistics_ncb, frequency_n1b], dim=1)
        for convolution in self.convolutions:
            x_ncb = functional.silu(convolution(x_ncb))
        hidden_nc = functional.silu(self.hidden(self.dropout(x_ncb.flatten(1))))
        return self.dropout(hidden_nc)


class MusqaNet(nn.Module):
    """Band image in, distribution of quality out: the mean of its members' answers."""

    step_q: Tensor

    def __init__(self, n_members: int = N_MEMBERS) -> None:
        super().__init__()
        self.members = nn.ModuleList(Member() for _ in range(n_members))
        self.register_buffer("step_q", torch.linspace(0, HIGHEST_STEP, N_STEPS), persistent=False)

    def forward(self, images_nsx: Tensor) -> Tensor:
        """Predict quality, the mean of `distribution`, in 0-0.95, shape (n,)."""
        return self.distribution(images_nsx) @ self.step_q

    def distribution(self, images_nsx: Tensor) -> Tensor:
        """Predict how probable each step of quality is.

        Parameters
        ----------
        images_nsx : Tensor of float32, shape (n, n_segments, 1024)
            Band images, their cells over 255; any number of segments.

        Returns
        -------
        Tensor of float32, shape (n, 40)
            Probabilities of the steps 0 to 0.95, which sum to 1.
        """
        summed_up_ncb = self.summed_up(images_nsx)
        answers = [torch.softmax(member(summed_up_ncb), dim=1) for member in self.members]
        return torch.stack(answers).mean(dim=0)

    def summed_up(self, images_nsx: Tensor) -> Tensor:
        """Return what members see: `heard_statistics`, shape (n, 10, 256)."""
        return heard_statistics(images_nsx)


def heard_statistics(images_nsx: Tensor) -> Tensor:
    """Return the `statistics` of `raised` images, shape (n, 10, 256)."""
    return statistics(raised(images_nsx))


def raised(images_nsx: Tensor) -> Tensor:
    """Raise what lies below the cell `HEARD_CELL` to it; cells are over 255."""
    return images_nsx.clamp(min=HEARD_CELL / 255)


def statistics(images_nsx: Tensor) -> Tensor:
    """Sum band images, (n, n_segments, 1024) of cells over 255, up over time to (n, 10, 256).

    For each band: log of its mean power; mean, least and greatest level of a segment; the least
    frame; the deviation of the level; how it flickers within segments; how ragged its bins are, and
    the deviation of that; how far the least frame of a segment lies below. Scaled to be around 0.
    """
    levels_nskb = images_nsx.unflatten(2, (len(STATISTICS), N_BANDS)) * (255 * STEP_DB) + FLOOR_DB
    power, level, bins, least = levels_nskb.unbind(dim=2)
    mean_power = torch.log10(torch.exp(power * _NEPER_PER_DB).mean(dim=1)) * 10
    ragged = level - bins
    levels = [mean_power, level.mean(1), level.amin(1), level.amax(1), least.amin(1)]
    return torch.stack(
        [
            *((db - LEVEL_DB) / LEVEL_RANGE_DB for db in levels),
            _deviation(level) / 6 - 0.5,
            (power - level).mean(1) / 6 - 0.5,
            ragged.mean(1) / 6 - 0.5,
            _deviation(ragged) / 3 - 0.5,
            (level - least).mean(1) / 8 - 0.5,
        ],
        dim=1,
    )


def loss(
    network: MusqaNet,
    images_nsx: Tensor,
    quality_n: Tensor,
    *,
    darkened_fraction: float = 0.0,
    darkest_db_per_octave: float = SLOPE_DB_PER_OCTAVE[1],
) -> Tensor:
    """Return what training makes small: `cross_entropy` of changed images.

    Some segments, equalised and perhaps darkened at random, stand for the excerpt; all chance is
    drawn from torch's global generator.
    """
    heard_nsx = some_segments(images_nsx)
    if darkened_fraction:
        heard_nsx = darkened(heard_nsx, quality_n, darkened_fraction, darkest_db_per_octave)
    return cross_entropy(network, equalised(heard_nsx, quality_n), quality_n)


def cross_entropy(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Compare each member's distribution with the label as a narrow bell, in nats.

    Each answers for itself, so that they stay different; the result is the mean over the batch and
    the members. Images are of shape (n, n_segments, 1024), labels of shape (n,) in 0-1.
    """
    summed_up_ncb = network.summed_up(images_nsx)
    losses = [
        bell_cross_entropy(member(summed_up_ncb), quality_n).mean() for member in network.members
    ]
    return torch.stack(losses).mean()


def bell_cross_entropy(logits_nq: Tensor, quality_n: Tensor) -> Tensor:
    """Return the cross entropy of each answer with the label as a narrow bell, in nats, (n,)."""
    step_q = torch.linspace(0, HIGHEST_STEP, N_STEPS, device=logits_nq.device)
    distance_nq = (step_q - quality_n[:, None]) / LABEL_WIDTH
    label_nq = functional.softmax(-0.5 * distance_nq.square(), dim=1)
    return -(label_nq * functional.log_softmax(logits_nq, dim=1)).sum(dim=1)


def _deviation(values_nsb: Tensor) -> Tensor:
    """Return the deviation over segments; a little is added, as its slope at 0 is infinite."""
    centred = values_nsb - values_nsb.mean(dim=1, keepdim=True)
    return (centred.square().mean(dim=1) + 0.01).sqrt()
