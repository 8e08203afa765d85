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

from musqa_pipeline.features.bands import FLOOR_DB, N_BANDS, STATISTICS, STEP_DB, band_centres_hz

N_STEPS = 40
HIGHEST_STEP = 0.95
"""ViSQOL gives a signal that equals its reference 0.933; the steps end a little above."""
LABEL_WIDTH = 0.02
"""Standard deviation of the bell that stands for a label: about one step."""
WIDTHS = (32, 48, 64, 80, 96)
N_HIDDEN = 128
N_MEMBERS = 4
DROPOUT_RATE = 0.1
TRAINED_SEGMENTS = 15
"""Training sees statistics over so many segments, drawn anew for each batch: half an excerpt
sounds as good as the whole, and no two epochs show the same numbers."""
N_CHANNELS = 10
LEVEL_DB, LEVEL_RANGE_DB = -50.0, 25.0
"""What makes levels in dB numbers around 0."""
DARKENED_QUALITY = 0.75
DARKENED_FRACTION = 0.6
KNEE_HZ = (700.0, 4_900.0)
SLOPE_DB_PER_OCTAVE = (2.0, 13.0)
NOISE_ABOVE_FLOOR_DB = 12.0
"""How good an excerpt must be to be darkened in training, and how many of these are; by what slope
above what knee; and how far a noise may lie above the image's floor (half of them have none)."""
EQUALISER_DB = 6.0
"""Standard deviation of the gain at each knot of the curves that training equalises with."""
EQUALISER_KNOTS = 8
FLOOR_FADE_DB = 10.0  # gains fade out so far above the floor
_NEPER_PER_DB = math.log(10) / 10


class Member(nn.Module):
    """Statistics in, logits of quality out.

    Five convolutions of stride 2 along frequency with SiLU, a dense layer, 40 logits. A channel
    that rises from low to high bands tells the convolutions where they are. There is no norm over
    batches or bands: it would take away levels, and what they are relative to loudness matters.
    """

    frequency_b: Tensor

    def __init__(self) -> None:
        super().__init__()
        channels = (N_CHANNELS + 1, *WIDTHS)
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
        """Return the logarithms of the probabilities, but for a constant.

        Parameters
        ----------
        statistics_ncb : Tensor of float32, shape (n, 10, 256)
            From `statistics`.

        Returns
        -------
        Tensor of float32, shape (n, 40)
            Of the steps 0 to 0.95.
        """
        # A product, because an export to ONNX would freeze expand() to one number of images.
        frequency_n1b = statistics_ncb[:, :1] * 0 + self.frequency_b
        x_ncb = torch.cat([statistics_ncb, frequency_n1b], dim=1)
        for convolution in self.convolutions:
            x_ncb = functional.silu(convolution(x_ncb))
        hidden_nc = functional.silu(self.hidden(self.dropout(x_ncb.flatten(1))))
        logits: Tensor = self.logits(self.dropout(hidden_nc))
        return logits


class MusqaNet(nn.Module):
    """Band image in, distribution of quality out: the mean of its members' answers."""

    step_q: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(Member() for _ in range(N_MEMBERS))
        self.register_buffer("step_q", torch.linspace(0, HIGHEST_STEP, N_STEPS), persistent=False)

    def forward(self, images_nsx: Tensor) -> Tensor:
        """Predict quality.

        Parameters
        ----------
        images_nsx : Tensor of float32, shape (n, 31, 1024)
            Band images, their cells over 255.

        Returns
        -------
        Tensor of float32, shape (n,)
            Mean of the distribution, in 0-0.95.
        """
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
        """Return what members see: `statistics`, shape (n, 10, 256)."""
        return statistics(images_nsx)


def statistics(images_nsx: Tensor) -> Tensor:
    """Sum a band image up over time.

    Parameters
    ----------
    images_nsx : Tensor of float32, shape (n, n_segments, 1024)
        Band images, their cells over 255.

    Returns
    -------
    Tensor of float32, shape (n, 10, 256)
        For each band: log of its mean power; mean, least and greatest level of a segment; the
        least frame; the deviation of the level; how it flickers within segments; how ragged its
        bins are, and the deviation of that; how far the least frame of a segment lies below.
        Scaled to be around 0.
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


def loss(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Return what training makes small: cross entropy against labels as narrow bells.

    Some segments, darkened and equalised at random, stand for the excerpt; all chance is drawn
    from torch's global generator. Each member answers for itself, so that they stay different.

    Parameters
    ----------
    network : MusqaNet
        In training mode.
    images_nsx : Tensor of float32, shape (n, 31, 1024)
        Band images, their cells over 255.
    quality_n : Tensor of float32, shape (n,)
        Labels, 0-1.

    Returns
    -------
    Tensor of float32, shape ()
        Mean over the batch and the members, in nats.
    """
    heard_nsx = equalised(darkened(some_segments(images_nsx), quality_n))
    return cross_entropy(network, heard_nsx, quality_n)


def some_segments(images_nsx: Tensor) -> Tensor:
    """Draw `TRAINED_SEGMENTS` segments, the same of each image of a batch."""
    chosen = torch.randperm(images_nsx.shape[1])[:TRAINED_SEGMENTS]
    return images_nsx[:, chosen.to(images_nsx.device)]


def cross_entropy(network: MusqaNet, images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Compare each member's distribution with the label as a narrow bell.

    Parameters
    ----------
    network : MusqaNet
        In training mode.
    images_nsx : Tensor of float32, shape (n, n_segments, 1024)
        Band images as training hears them.
    quality_n : Tensor of float32, shape (n,)
        Labels, 0-1.

    Returns
    -------
    Tensor of float32, shape ()
        Mean over the batch and the members, in nats.
    """
    summed_up_ncb = network.summed_up(images_nsx)
    distance_nq = (network.step_q - quality_n[:, None]) / LABEL_WIDTH
    label_nq = functional.softmax(-0.5 * distance_nq.square(), dim=1)
    losses = [
        -(label_nq * functional.log_softmax(member(summed_up_ncb), dim=1)).sum(dim=1).mean()
        for member in network.members
    ]
    return torch.stack(losses).mean()


def darkened(images_nsx: Tensor, quality_n: Tensor) -> Tensor:
    """Let the levels of some good excerpts fall towards high bands, as in dark recordings.

    Of excerpts that lost little, the label would hardly move: ViSQOL compares within bands. What
    lost more is left alone, because in a dark recording the same loss costs less. Levels fall no
    lower than a floor as noise makes it, and what was below it before stays.

    Parameters
    ----------
    images_nsx : Tensor of float32, shape (n, n_segments, 1024)
        Band images, their cells over 255.
    quality_n : Tensor of float32, shape (n,)
        Labels, 0-1.

    Returns
    -------
    Tensor of float32, shape (n, n_segments, 1024)
        New images.
    """
    n, device = len(images_nsx), images_nsx.device
    chance_4n = torch.rand(4, n, device=device)
    hit_n = (quality_n >= DARKENED_QUALITY) & (chance_4n[0] < DARKENED_FRACTION)
    low_hz, high_hz = KNEE_HZ
    knee_hz_n1 = low_hz * (high_hz / low_hz) ** chance_4n[1, :, None]
    least, greatest = SLOPE_DB_PER_OCTAVE
    slope_n1 = (least + (greatest - least) * chance_4n[2, :, None]) * hit_n[:, None]
    centres_hz_b = torch.as_tensor(band_centres_hz(), dtype=torch.float32, device=device)
    fall_db_nb = slope_n1 * torch.log2(centres_hz_b / knee_hz_n1).clamp(min=0)
    noise_n11 = (NOISE_ABOVE_FLOOR_DB * (2 * chance_4n[3, :, None, None] - 1)).clamp(min=0)
    fallen_nsx = images_nsx - _cells(fall_db_nb)[:, None]
    return torch.maximum(fallen_nsx, torch.minimum(images_nsx, _cells(noise_n11, repeat=False)))


def equalised(images_nsx: Tensor) -> Tensor:
    """Move the levels of each image by a smooth random curve over frequency.

    Cells at the floor stay there: what is gone cannot be amplified.

    Parameters
    ----------
    images_nsx : Tensor of float32, shape (n, n_segments, 1024)
        Band images, their cells over 255.

    Returns
    -------
    Tensor of float32, shape (n, n_segments, 1024)
        New images.
    """
    n = len(images_nsx)
    knots_n1k = EQUALISER_DB * torch.randn(n, 1, EQUALISER_KNOTS, device=images_nsx.device)
    gain_db_n1b = functional.interpolate(knots_n1k, N_BANDS, mode="linear", align_corners=True)
    open_nsx = (images_nsx / _cells(torch.tensor(FLOOR_FADE_DB), repeat=False)).clamp(max=1)
    return (images_nsx + _cells(gain_db_n1b) * open_nsx).clamp(0, 1)


def _cells(db: Tensor, *, repeat: bool = True) -> Tensor:
    """Turn decibels into values of an image, of each statistic where `repeat` is set."""
    cells = db / (255 * STEP_DB)
    return torch.cat([cells] * len(STATISTICS), dim=-1) if repeat else cells


def _deviation(values_nsb: Tensor) -> Tensor:
    """Return the deviation over segments; a little is added, as its slope at 0 is infinite."""
    centred = values_nsb - values_nsb.mean(dim=1, keepdim=True)
    return (centred.square().mean(dim=1) + 0.01).sqrt()
