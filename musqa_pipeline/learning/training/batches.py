"""Batches on their way into a training: from shards, and divided among ranks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.workers.local import LocalPool
from musqa_pipeline.learning.data.loader import decode_tensor, make_loader, order_of
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.entry import InputSpec
from musqa_pipeline.learning.training.ranks import Rank

Array = NDArray[Any] | Tensor
Batch = tuple[Array | tuple[Array, ...], Array | None]
"""Inputs and targets of n examples; what follows them is not looked at. Images (n, n_frames,
n_mels) in 0-1 and quality (n,); or waveforms, or a tuple of several inputs, and classes in whole
numbers, distributions, or None."""
Inputs = Tensor | tuple[Tensor, ...]
TrainBatches = Callable[[int], Iterable[Batch]]
"""Gives the batches of an epoch, in an order that depends on (seed, epoch) alone."""
ValidationBatches = Callable[[], Iterable[Batch]]


MOST_THREADS = 8
"""That read ahead of a training on a GPU."""


class Share(NamedTuple):
    """A rank's part of a batch."""

    inputs: Inputs
    targets: Tensor | None
    n_own: int
    """0 where the batch has fewer examples than there are ranks; a stand-in is there then."""
    weight: float
    """Of this part's loss, so that the mean over ranks is that of the whole batch."""


@dataclass(frozen=True)
class ShardBatches:
    """The batches of stored images, as fast as the device needs them; can be pickled.

    For a GPU, threads read ahead, and images travel as they are stored, through page-locked memory,
    and become numbers there; they are the same to the bit. Worker processes would hand over four
    times the bytes by shared memory, and each unpack everything for itself (docs/gpu.md). A CPU
    training needs all cores itself, and takes 6 to 400 times as long as reading does (paper 001's
    networks, see docs/models.md).
    """

    shards: ImageShards
    batch_size: int
    seed: int | None = None
    """Of the order; in storage order when left out."""
    n_devices: int = 1
    """Processes that read at the same time on this machine."""
    device: str = "auto"
    """What they train on, as `find_device` takes it."""

    def __call__(self, epoch: int = 0) -> Iterable[Batch]:
        """Return the batches of an epoch."""
        options = loader_options(self.n_devices, self.device)
        batches = make_loader(
            self.shards,
            batch_size=self.batch_size,
            seed=self.seed or 0,
            epoch=epoch,
            shuffle=self.seed is not None,
            **options,
        )
        if not options:
            return batches
        # A rank has its own card by then; one process alone may mean another than the first.
        where = find_device(self.device) if self.n_devices == 1 else torch.device("cuda")
        return ((decode_tensor(i.to(where, non_blocking=True)), quality) for i, quality in batches)


class OutputBatches:
    """The batches of `ShardBatches` as outputs of the part of a network that never moves.

    `compute` gives the outputs (n, n_outputs) of images (n, n_frames, n_bands). It is asked once
    for each image, when the first epoch begins; an output is an image of one frame then.
    """

    def __init__(self, batches: ShardBatches, compute: Callable[[Tensor], Tensor]) -> None:
        self.batches, self._compute = batches, compute
        self._outputs: Tensor | None = None

    def __call__(self, epoch: int = 0) -> Iterable[Batch]:
        """Yield the batches of an epoch."""
        shards, seed = self.batches.shards, self.batches.seed
        if self._outputs is None:
            every = dataclasses.replace(self.batches, seed=None)()
            self._outputs = torch.cat([self._compute(torch.as_tensor(i)) for i, _ in every])
        quality = torch.from_numpy(shards.quality)
        rows = torch.arange(shards.n_rows)
        if seed is not None:
            rows = torch.from_numpy(order_of(shards, seed=seed, epoch=epoch))
        for some in rows.split(self.batches.batch_size):
            yield self._outputs[some].unsqueeze(1), quality[some]


def loader_options(n_devices: int = 1, device: str = "auto") -> dict[str, Any]:
    """Choose how batches are made: arguments of `make_loader`, none on a CPU.

    `n_devices` processes of this machine read at the same time.
    """
    if find_device(device).type != "cuda":
        return {}
    n_cores = max(1, LocalPool().n_workers // n_devices - 1)
    return {"n_threads": min(MOST_THREADS, n_cores), "pin_memory": True, "as_stored": True}


class Epochs:
    """A rank's part of the batches of whichever epoch begins, as tensors; lazy.

    Inputs that the network does not eat are refused with a `SettingsError`.
    """

    def __init__(self, batches: Callable[[], Iterable[Batch]], spec: InputSpec, rank: Rank) -> None:
        self._batches, self._spec, self._rank = batches, spec, rank

    def __iter__(self) -> Iterator[Share]:
        number, n_ranks = self._rank.number, self._rank.n_ranks
        for inputs, targets, *_ in self._batches():
            several = isinstance(inputs, tuple)
            tensors = [torch.as_tensor(each) for each in (inputs if several else (inputs,))]
            self._check(tensors)
            n_all = len(tensors[0])
            n_own = len(range(number, n_all, n_ranks))
            part = slice(number, None, n_ranks) if n_own else slice(0, 1)
            own = tuple(tensor[part].to(torch.float32) for tensor in tensors)
            wanted = None if targets is None else torch.as_tensor(targets)[part]
            if wanted is not None and wanted.is_floating_point():
                wanted = wanted.to(torch.float32)
            yield Share(own if several else own[0], wanted, n_own, n_own * n_ranks / n_all)

    def _check(self, tensors: list[Tensor]) -> None:
        found, expected = tuple(tuple(each.shape[1:]) for each in tensors), self._spec.shapes
        if found == expected:
            return
        if self._spec.others or len(found) > 1:
            raise SettingsError(f"inputs have shapes {found}: expected {expected} by this network")
        raise SettingsError(
            f"images have shape {found[0]}: expected {expected[0]} (frames, mel bands) by this "
            "network; edit [spectrograms] or [models] names"
        )
