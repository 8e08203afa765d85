"""Generator and discriminator as one network, with their running averages.

A checkpoint holds it whole, so that whatever is asked of a GAN later, its images or its opinion,
comes out of one file of weights.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from musqa_pipeline.learning.gan.networks import N_NOISE, Discriminator, Generator
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.training.checkpoint import read_weights
from musqa_pipeline.learning.training.kept import filled

SETTLING_BATCHES = 16
"""Of generated images, from which batch norms of the averaged generator take their statistics."""


class Pair(nn.Module):
    """Both networks, and what a step does not move by gradients."""

    def __init__(self, settings: GanRecipe) -> None:
        super().__init__()
        self.settings = settings
        self.generator = Generator(settings.size, settings.g_width, settings.n_genres)
        self.discriminator = Discriminator(settings.size, settings.d_width, settings.n_genres)
        self.averages = nn.ModuleDict()
        if settings.average_decay:
            self.averages["generator"] = copy.deepcopy(self.generator)
            self.averages["discriminator"] = copy.deepcopy(self.discriminator)
            self.averages.requires_grad_(False)
        self.n_averaged: Tensor
        self.real_scores: Tensor
        self.register_buffer("n_averaged", torch.zeros((), dtype=torch.int64))
        self.register_buffer("real_scores", torch.tensor([0.0, 1.0]))
        """Mean and deviation of the discriminator's scores of real images at the checkpoint."""

    @torch.no_grad()
    def average(self) -> None:
        """Move the averages by one step; the first weights are soon forgotten.

        The decay of step n (from 0) is at most (1 + n) / (10 + n), as in
        `learning.training.callbacks.WeightAverage`.
        """
        n = int(self.n_averaged)
        part = 1 - min(self.settings.average_decay, (1 + n) / (10 + n))
        for name, network in self.averages.items():
            now = list(getattr(self, name).parameters())
            torch._foreach_lerp_(list(network.parameters()), now, part)
        self.n_averaged += 1

    @torch.no_grad()
    def settle(self, chance: torch.Generator) -> None:
        """Make all networks fit to be asked: done at a checkpoint.

        Spectral norms become exact, and the averaged generator's batch norms take their statistics
        from `SETTLING_BATCHES`.
        """
        norm_exactly(self)
        if not self.averages:
            return
        generator = self.averages["generator"]
        for norm in generator.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.reset_running_stats()
                norm.momentum = None  # a mean of all batches
        generator.train()
        genre_n = torch.arange(self.settings.batch_size) % self.settings.n_genres
        for _ in range(SETTLING_BATCHES):
            with one_iteration(generator):
                generator(*self._drawn(genre_n, chance))
        generator.eval()

    @torch.no_grad()
    def sample(self, genre_n: Tensor, chance: torch.Generator) -> Tensor:
        """Generate an image of each genre, (n, 1, size, size), by the average if there is one.

        `chance` is a generator of the CPU. Averages must have been settled, as they are in a
        checkpoint.
        """
        generator = self.averages["generator"] if self.averages else self.generator
        with asked(generator):
            parts = genre_n.split(self.settings.batch_size)
            return torch.cat([generator(*self._drawn(part_n, chance)) for part_n in parts])

    @torch.no_grad()
    def note_scores(self, images_n1hw: Tensor, genre_n: Tensor) -> None:
        """Note how the discriminator scores real images by now, so that others compare."""
        with asked(self.discriminator):
            n = self.settings.batch_size
            parts = zip(images_n1hw.split(n), genre_n.split(n), strict=True)
            score_n = torch.cat([self.discriminator(*part) for part in parts])
        self.real_scores.copy_(torch.stack([score_n.mean(), score_n.std()]))

    def _drawn(self, genre_n: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        device = self.real_scores.device
        noise_nz = torch.randn(len(genre_n), N_NOISE, generator=chance)
        return noise_nz.to(device), genre_n.to(device)


def load_pair(settings: GanRecipe, path: Path) -> Pair:
    """Read both networks of a checkpoint, or of ``weights.pt``, onto the CPU.

    `LakeError` if the file is absent or damaged, or does not fit.
    """
    return filled(lambda: Pair(settings), read_weights(path), path).eval()


@contextmanager
def asked(network: nn.Module) -> Iterator[None]:
    """Have a network in evaluation mode for a block."""
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


@contextmanager
def one_iteration(network: nn.Module) -> Iterator[None]:
    """Let a network in training go on by one power iteration, however often it is asked.

    Weights are computed once for the block, and never in the numbers of mixed precision.
    """
    with parametrize.cached():
        with torch.autocast(next(network.parameters()).device.type, enabled=False):
            for module in network.modules():
                if parametrize.is_parametrized(module):
                    module.weight  # noqa: B018 - to ask is to iterate
        yield


@torch.no_grad()
def norm_exactly(network: nn.Module) -> None:
    """Replace vectors of power iterations by the singular vectors that they are on their way to.

    With one iteration a step they come late: the singular values of an orthogonal start are nearly
    equal, and after 50 steps spectral norms reached 1.047 (width 4) and 1.037 (width 16). Weights
    that are not finite keep theirs.
    """
    for module in network.modules():
        if parametrize.is_parametrized(module):
            held: Any = module.parametrizations
            matrix, (norm,) = held.weight.original.flatten(1).double(), held.weight
            if not torch.isfinite(matrix).all():
                continue
            wide = matrix.shape[0] < matrix.shape[1]
            gram = matrix @ matrix.T if wide else matrix.T @ matrix
            ends = torch.linalg.eigh(gram).eigenvectors[:, -1]
            others = functional.normalize(ends @ matrix if wide else matrix @ ends, dim=0)
            norm._u.copy_(ends if wide else others)
            norm._v.copy_(others if wide else ends)
