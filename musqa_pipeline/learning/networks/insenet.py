"""The intrusive network: inception blocks with squeeze-and-excitation over a pair's image.

InSE-NET (Jiang, Biswas et al., AES 151, 2021) gives the idea: spectrograms of reference and
degraded signal in, inception blocks [1]_ with squeeze-and-excitation [2]_, trained to mimic a
metric. Its layers are not published in what we have; the layers here are our own, made so small
that a pair costs less than a third of the metric's time on one core.

Time is pooled away, frequency hardly: a metric of this kind is a mean over time of something local,
weighed band by band. Names end in axis letters: N pair, C channel, T time, F frequency.

References
----------
.. [1] Szegedy et al., "Going deeper with convolutions", CVPR 2015, doi:10.1109/CVPR.2015.7298594.
.. [2] Hu et al., "Squeeze-and-excitation networks", CVPR 2018, doi:10.1109/CVPR.2018.00745.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.gammatone_bands import N_BANDS

CHANNELS = (16, 24, 32, 48)
"""Behind the first convolution and the three blocks."""
HEAD_UNITS = 64
SQUEEZE_RATIO = 4
"""A block's gates see its channels through so many times fewer units."""
DIFFERENCE_GAIN = 2.0
"""Most differences are small beside the levels themselves."""


class Convolution(nn.Sequential):
    """A convolution that keeps time and frequency, batch normalisation, ReLU.

    The kernel has odd lengths over time and frequency.
    """

    def __init__(self, n_in: int, n_out: int, kernel: tuple[int, int]) -> None:
        padding = (kernel[0] // 2, kernel[1] // 2)
        super().__init__(
            nn.Conv2d(n_in, n_out, kernel, padding=padding, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
        )


class SqueezeExcitation(nn.Module):
    """Gates from 0 to 1, one a channel, that follow from the channels' means."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(n_channels, n_channels // SQUEEZE_RATIO)
        self.excite = nn.Linear(n_channels // SQUEEZE_RATIO, n_channels)

    def forward(self, x_nctf: Tensor) -> Tensor:
        """Weigh the channels of (N, C, T, F)."""
        gates_nc = torch.sigmoid(self.excite(torch.relu(self.squeeze(x_nctf.mean((2, 3))))))
        return x_nctf * gates_nc[:, :, None, None]


class InceptionBlock(nn.Module):
    """Four views side by side: a point, a patch, along time, along frequency; then gates.

    Each view gives a quarter of the channels.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        quarter = n_out // 4
        self.point = Convolution(n_in, quarter, (1, 1))
        self.views = nn.ModuleList(
            nn.Sequential(Convolution(n_in, quarter, (1, 1)), Convolution(quarter, quarter, kernel))
            for kernel in ((3, 3), (5, 1), (1, 5))
        )
        self.gates = SqueezeExcitation(n_out)

    def forward(self, x_nctf: Tensor) -> Tensor:
        """Map (N, C, T, F) to as many frames and bands of `n_out` channels."""
        views = [self.point(x_nctf), *(view(x_nctf) for view in self.views)]
        gated: Tensor = self.gates(torch.cat(views, 1))
        return gated


class InseNet(nn.Module):
    """Quality of the degraded half of a pair's image, as the metric would give it.

    About 60,000 parameters. The image is what `stages.spectrograms.pairs` stores: the bands
    of the reference, then those of the degraded signal, frame by frame.
    """

    def __init__(self) -> None:
        super().__init__()
        first, *rest = CHANNELS
        self.stem = Convolution(3, first, (3, 3))
        self.blocks = nn.ModuleList(
            InceptionBlock(n_in, n_out) for n_in, n_out in zip(CHANNELS, rest, strict=False)
        )
        self.hidden = nn.Linear(CHANNELS[-1] * (N_BANDS // 2), HEAD_UNITS)
        self.quality = nn.Linear(HEAD_UNITS, 1)

    def forward(self, images_ntc: Tensor) -> Tensor:
        """Predict quality, (mos - 1) / 4 and not clipped, shape (n,).

        Images are (n, frames, 2 * N_BANDS) in 0-1, of at least 8 frames; 10 s have `N_FRAMES`.
        """
        quality: Tensor = self.quality(self.heard(images_ntc)).squeeze(1)
        return quality

    def heard(self, images_ntc: Tensor) -> Tensor:
        """Return what the answer is a linear function of, shape (n, `HEAD_UNITS`)."""
        reference, degraded = images_ntc[..., :N_BANDS], images_ntc[..., N_BANDS:]
        difference = DIFFERENCE_GAIN * (reference - degraded)
        x_nctf = self.stem(torch.stack((reference, degraded, difference), 1))
        for block, pooling in zip(self.blocks, ((2, 1), (2, 1), (2, 2)), strict=True):
            x_nctf = block(functional.avg_pool2d(x_nctf, pooling))
        x_nf = x_nctf.mean(2).flatten(1)
        return torch.relu(self.hidden(x_nf))


def fold_normalisation(network: nn.Module) -> nn.Module:
    """Fold each batch normalisation of a network in evaluation mode into the convolution before it.

    The network is changed; its outputs differ by rounding only.
    """
    for module in network.modules():
        if isinstance(module, Convolution) and isinstance(module[1], nn.BatchNorm2d):
            convolution, normalisation = module[0], module[1]
            assert isinstance(convolution, nn.Conv2d)
            module[0] = nn.utils.fusion.fuse_conv_bn_eval(convolution, normalisation)
            module[1] = nn.Identity()
    return network
