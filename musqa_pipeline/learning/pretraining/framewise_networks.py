"""NISQA's convolutions under what pre-trains them: a mirror, clusters, or classes.

Each network calls the convolutions its ``body``. Axes: n windows, t frames, f bands, p pieces, c
features, k clusters or classes.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.nisqa_mel import N_BANDS
from musqa_pipeline.learning.networks.nisqa import (
    CHANNELS,
    N_FEATURES,
    PIECE_FRAMES,
    FramewiseNetwork,
)

SMALLEST = (6, 1)
"""Bands and frames of what the last convolution of a piece gives."""
ENLARGED = {2: (12, 5), 4: (24, 7), 5: (N_BANDS, PIECE_FRAMES)}
"""Bands and frames before a convolution of the mirror: what pooling had made smaller."""


class PieceDecoder(nn.Module):
    """The mirror of `FramewiseNetwork`: features (n, 384) to pieces (n, 48, 15); 134,497.

    Its transposed convolutions have the sizes of the body's, last to first; cells are repeated
    where the body takes maxima. Nothing is dropped, and the last one is not normalised.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (*CHANNELS[::-1], 1)
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(n_in, n_out, 3, padding=(1, 0 if index == 0 else 1))
            for index, (n_in, n_out) in enumerate(pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(n_out) for n_out in widths[1:-1])
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, features_nc: Tensor) -> Tensor:
        """Return the pieces that features are of."""
        x = features_nc.unflatten(1, (-1, *SMALLEST))
        for index, convolve in enumerate(self.convolutions):
            if index in ENLARGED:
                x = functional.interpolate(x, ENLARGED[index], mode="nearest")
            x = convolve(x)
            if index < len(self.norms):
                x = functional.relu(self.norms[index](x))
        return x.squeeze(1)


class FramewiseAutoencoder(nn.Module):
    """The convolutions and their mirror: windows (n, t, 48) to features and pieces; 269,185.

    Parameters
    ----------
    piece_hop_frames : int
        From a piece to the next.
    """

    def __init__(self, piece_hop_frames: int) -> None:
        super().__init__()
        self.body = FramewiseNetwork(piece_hop_frames)
        self.decoder = PieceDecoder()

    def forward(self, images_ntf: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of pieces, (n, p, 384), and what they become again.

        The latter have the shape (n, p, 48, 15).
        """
        features_npc = self.body(images_ntf)
        made = self.decoder(features_npc.flatten(0, 1))
        return features_npc, made.unflatten(0, features_npc.shape[:2])

    def pieces_of(self, images_ntf: Tensor) -> Tensor:
        """Return the pieces that the body looks at, (n, p, 48, 15)."""
        return images_ntf.unfold(1, PIECE_FRAMES, self.body.piece_hop_frames)


class ClusteringNetwork(FramewiseAutoencoder):
    """An autoencoder whose windows have a place among centres.

    Parameters
    ----------
    piece_hop_frames : int
        From a piece to the next.
    n_clusters : int
        Centres; all are at 0 until they are told where to begin.
    """

    def __init__(self, piece_hop_frames: int, n_clusters: int) -> None:
        super().__init__(piece_hop_frames)
        self.centres_kc = nn.Parameter(torch.zeros(n_clusters, N_FEATURES))

    def embed(self, images_ntf: Tensor) -> Tensor:
        """Return what is clustered, the maximum over pieces, (n, 384)."""
        return embedded(self.body(images_ntf))


class DegradationClassifier(nn.Module):
    """The convolutions, the maximum over time, a linear layer: images (n, t, 48) to logits (n, k).

    Parameters
    ----------
    piece_hop_frames : int
        From a piece to the next.
    n_classes : int
        Logits.
    """

    def __init__(self, piece_hop_frames: int, n_classes: int) -> None:
        super().__init__()
        self.body = FramewiseNetwork(piece_hop_frames)
        self.out = nn.Linear(N_FEATURES, n_classes)

    def forward(self, images_ntf: Tensor) -> Tensor:
        """Return the logits of each image."""
        logits_nk: Tensor = self.out(embedded(self.body(images_ntf)))
        return logits_nk


def embedded(features_npc: Tensor) -> Tensor:
    """Return the maximum over pieces, as `ConvMaxPool` takes it, (n, 384)."""
    return features_npc.amax(1)
