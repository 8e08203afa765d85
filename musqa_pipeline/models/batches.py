"""Batches on their way into a training: from shards, and divided among ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.errors import SettingsError
from musqa_pipeline.models.ranks import Rank
from musqa_pipeline.models.registry import InputSpec

Batch = tuple[NDArray[np.float32] | Tensor, NDArray[np.floating] | Tensor]
"""Images (n, n_frames, n_mels) in 0-1 and quality (n,); what follows them is not looked at."""
TrainBatches = Callable[[int], Iterable[Batch]]
"""Gives the batches of an epoch, in an order that depends on (seed, epoch) alone."""
ValidationBatches = Callable[[], Iterable[Batch]]


class Share(NamedTuple):
    """A rank's part of a batch."""

    images: Tensor
    quality: Tensor
    n_own: int
    """0 where the batch has fewer images than there are ranks; a stand-in is there then."""
    n_all: int
    """Images of the whole batch."""


class Epochs:
    """A rank's part of the batches of whichever epoch begins, checked, as tensors; lazy.

    Parameters
    ----------
    batches : callable
        Gives the epoch's batches.
    spec : InputSpec
        What the network eats; other images are refused with a `SettingsError`.
    rank : Rank
        Whose part.
    """

    def __init__(self, batches: Callable[[], Iterable[Batch]], spec: InputSpec, rank: Rank) -> None:
        self._batches, self._rank = batches, rank
        self._shape = (spec.n_frames, spec.n_bands)

    def __iter__(self) -> Iterator[Share]:
        own = slice(self._rank.number, None, self._rank.n_ranks)
        for batch in self._batches():
            images, quality = (torch.as_tensor(part) for part in batch[:2])
            if tuple(images.shape[1:]) != self._shape:
                raise SettingsError(
                    f"images have shape {tuple(images.shape[1:])}: expected {self._shape} (frames, "
                    "mel bands) by this network; edit [spectrograms] or [models] names"
                )
            n_own = len(quality[own])
            part = own if n_own else slice(0, 1)
            yield Share(
                images[part].to(torch.float32), quality[part].to(torch.float32), n_own, len(quality)
            )
