"""NISQA, and the same convolutions under a maximum over time (paper 004, 4.2).

NISQA [1]_ cuts a mel image into overlapping pieces of 150 ms, lets one convolutional network say
384 numbers of each, lets pieces attend to each other, and pools them by attention. ConvMaxPool [2]_
keeps the convolutions, takes the maximum over time and ends in one linear layer. Sizes, dropout and
initial weights are those of NISQA's published training settings; nothing knows where a piece lies.

Axes: n images, t frames, f bands, p pieces, c channels.

References
----------
.. [1] G. Mittag, B. Naderi, A. Chehadi and S. Moeller, "NISQA: A Deep CNN-Self-Attention Model for
   Multidimensional Speech Quality Prediction with Crowdsourced Datasets", Interspeech 2021,
   arXiv:2104.09494.
.. [2] A. Ragano, E. Benetos and A. Hines, "More for less: non-intrusive speech quality assessment
   with limited annotations", QoMEX 2021, arXiv:2108.08745.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

PIECE_FRAMES = 15
CHANNELS = (16, 32, 64, 64, 64, 64)
POOLED = {0: (24, 7), 1: (12, 5), 3: (6, 3)}
"""Bands and frames after the maximum that follows a convolution."""
N_FEATURES = 384
"""Of a piece: 64 channels in 6 bands."""
CHANNEL_DROPOUT, ATTENTION_DROPOUT = 0.2, 0.1
N_DIMS = 64
N_POOLING_HIDDEN = 128
PIECES_AT_ONCE = 1024
"""Most pieces that are looked at together where no batch norm needs all: 250 MB."""


class FramewiseNetwork(nn.Module):
    """Six convolutions over each piece of an image: (n, t, 48) to (n, p, 384); 134,688 parameters.

    In training all pieces of a batch go through at once, as batch norms need them: 330 kB a piece.

    Parameters
    ----------
    piece_hop_frames : int
        From a piece to the next: 4 gives 247 pieces of 1001 frames, 16 gives 62.
    """

    def __init__(self, piece_hop_frames: int) -> None:
        super().__init__()
        self.piece_hop_frames = piece_hop_frames
        last = len(CHANNELS) - 1
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n_in, n_out, 3, padding=(1, 0 if index == last else 1))
            for index, (n_in, n_out) in enumerate(zip((1, *CHANNELS), CHANNELS, strict=False))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(n_out) for n_out in CHANNELS)
        self.dropout = nn.Dropout2d(CHANNEL_DROPOUT)
        # 67 ms instead of 125 ms for 10 s on one core, and three quarters of the time of a step.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images_ntf: Tensor) -> Tensor:
        """Return the features of each piece."""
        pieces_npft = images_ntf.unfold(1, PIECE_FRAMES, self.piece_hop_frames)
        pieces = pieces_npft.flatten(0, 1).unsqueeze(1)
        if self.training:
            features = self._features(pieces)
        else:
            features = torch.cat([self._features(some) for some in pieces.split(PIECES_AT_ONCE)])
        return features.unflatten(0, pieces_npft.shape[:2])

    def _features(self, pieces: Tensor) -> Tensor:
        x = pieces
        for index, (convolve, normalise) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            if index > 1:
                x = self.dropout(x)
            x = normalise(convolve(x))
            if index in POOLED:  # before the ReLU, which then has a quarter of the work
                x = functional.adaptive_max_pool2d(x, POOLED[index])
            x = functional.relu(x)
        return x.flatten(1)


class SelfAttention(nn.Module):
    """Pieces attend to each other twice, by one head: (n, p, 384) to (n, p, 64); 75,200."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(N_FEATURES, N_DIMS), nn.LayerNorm(N_DIMS))
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    N_DIMS, 1, dim_feedforward=N_DIMS, dropout=ATTENTION_DROPOUT, batch_first=True
                )
                for _ in range(2)
            )
        )
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, features_npc: Tensor) -> Tensor:
        """Return what each piece has heard of the others."""
        heard_npc: Tensor = self.layers(self.project(features_npc))
        return heard_npc


class AttentionPooling(nn.Module):
    """One number of all pieces, each as it matters: (n, p, 64) to (n,); 8,514 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.matter = nn.Sequential(
            nn.Linear(N_DIMS, N_POOLING_HIDDEN), nn.ReLU(), nn.Linear(N_POOLING_HIDDEN, 1)
        )
        self.out = nn.Linear(N_DIMS, 1)

    def forward(self, heard_npc: Tensor) -> Tensor:
        """Return the answer to the mean of the pieces, weighted by attention."""
        weights_np1 = self.matter(heard_npc).softmax(1)
        answer_n1: Tensor = self.out((weights_np1 * heard_npc).sum(1))
        return answer_n1.squeeze(1)


class Nisqa(nn.Module):
    """NISQA: images (n, t, 48) in 0-1 to quality (n,); 218,402 parameters."""

    def __init__(self, piece_hop_frames: int = 4) -> None:
        super().__init__()
        self.body = FramewiseNetwork(piece_hop_frames)
        self.attention = SelfAttention()
        self.pooling = AttentionPooling()

    def forward(self, images_ntf: Tensor) -> Tensor:
        """Return the quality of each image."""
        quality_n: Tensor = self.pooling(self.attention(self.body(images_ntf)))
        return quality_n


class ConvMaxPool(nn.Module):
    """NISQA's convolutions, the maximum over time, a linear layer; 135,073 parameters."""

    def __init__(self, piece_hop_frames: int = 4) -> None:
        super().__init__()
        self.body = FramewiseNetwork(piece_hop_frames)
        self.out = nn.Linear(N_FEATURES, 1)

    def forward(self, images_ntf: Tensor) -> Tensor:
        """Return the quality of each image."""
        quality_n1: Tensor = self.out(self.body(images_ntf).amax(1))
        return quality_n1.squeeze(1)


class ClusteringConvMaxPool(ConvMaxPool):
    """ConvMaxPool that also says the cluster of an image, which an export leaves out."""

    def __init__(self, piece_hop_frames: int = 4, n_clusters: int = 10) -> None:
        super().__init__(piece_hop_frames)  # first, so that it begins as `ConvMaxPool` does
        self.clusters = nn.Linear(N_FEATURES, n_clusters)


def clustered_loss(
    network: ClusteringConvMaxPool, images_ntf: Tensor, targets_nk: Tensor, *, cluster_weight: float
) -> Tensor:
    """Return the mean absolute error of quality, and the cross entropy of clusters by a weight.

    Targets are (n, 2): quality, and the number of a cluster.
    """
    heard_nc = network.body(images_ntf).amax(1)
    quality = functional.l1_loss(network.out(heard_nc).squeeze(1), targets_nk[:, 0])
    clusters = functional.cross_entropy(network.clusters(heard_nc), targets_nk[:, 1].long())
    return quality + cluster_weight * clusters
