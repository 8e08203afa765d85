"""What a step of a GAN is: two of the discriminator for each of the generator, by hinge losses.

Rates and ratio of steps are SAGAN's and BigGAN's; paper 000 says neither. Tensor names end in axis
letters: N segment, S sample, H band, W frame, Z noise.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan.augment import in_time
from musqa_pipeline.learning.gan.frechet import describe, frechet_distance
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.losses import discriminator_loss, generator_loss
from musqa_pipeline.learning.gan.networks import N_NOISE
from musqa_pipeline.learning.gan.pair import Pair, norm_exactly, one_iteration
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.kept import keep
from musqa_pipeline.learning.training.learner import Learner

BETAS = (0.0, 0.999)
"""Adam's (SAGAN)."""
BATCHES_A_STEP = 2
"""Of real images for each step of the generator: steps of the discriminator."""
MOST_APART = 20.0
"""Mean score of real images less that of generated ones, from which a training has diverged."""


class AdversarialLearner(Learner):
    """Trains a `Pair` on batches of (segments, genres).

    Curves, as means between two checkpoints: ``discriminator_loss``, ``generator_loss``,
    ``score_real``, ``score_made``; at the checkpoint: ``score_met`` of the last training images and
    ``score_unmet`` of validation, whose difference is memory, and ``frechet_distance`` of images of
    the averaged generator.

    Parameters
    ----------
    network : Pair
        Both networks.
    settings : TrainingSettings
        Seed and precision.
    folder : Path
        Folder of the run, where networks of the last checkpoints stay, see `keep`.
    """

    advice = "lower [gan] d_learning_rate, or set r1_weight"

    def __init__(self, network: nn.Module, settings: TrainingSettings, *, folder: Path) -> None:
        super().__init__(network)
        assert isinstance(network, Pair)
        self.network: Pair = network
        self.automatic_optimization = False
        self.gan, self.seed, self.folder = network.settings, settings.seed, folder
        self._reals: deque[tuple[Tensor, Tensor]] = deque()
        """The last images of the epoch, with their genres."""

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Make an Adam for each."""
        of_network = {
            self.network.generator: self.gan.g_learning_rate,
            self.network.discriminator: self.gan.d_learning_rate,
        }
        return [
            torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS, fused=True)
            for network, rate in of_network.items()
        ]

    def training_step(self, batch: Share, batch_idx: int) -> None:
        """Move the discriminator, and in every second batch the generator."""
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        of_generator, of_discriminator = optimizers
        real_n1hw, genre_n = self._seen(batch)
        self._keep(real_n1hw, genre_n)
        self._step(of_discriminator, self.loss_of_discriminator(real_n1hw, genre_n, batch), batch)
        if batch_idx % BATCHES_A_STEP == BATCHES_A_STEP - 1:
            self.network.discriminator.requires_grad_(False)
            self._step(of_generator, self.loss_of_generator(batch), batch)
            self.network.discriminator.requires_grad_(True)
            self.network.average()

    def on_validation_start(self) -> None:
        """Let validation ask the discriminator that is stored."""
        norm_exactly(self.network.discriminator)

    def validation_step(self, batch: Share, batch_idx: int) -> None:
        """Score originals that nothing was trained on."""
        score_n = self.network.discriminator(*self._seen(batch))[: batch.n_own]
        self.add("score_unmet", score_n.double().sum(), batch.n_own)

    def take_means(self) -> dict[str, float]:
        """Refuse what has diverged; else settle the networks and judge the epoch's last images."""
        means = super().take_means()
        if (apart := means["score_real"] - means["score_made"]) > MOST_APART:
            raise StageError(
                f"training: score of real images - of generated = {apart:.3g} in epoch "
                f"{self.current_epoch}, expected at most {MOST_APART:g}; {self.advice}; the "
                "checkpoint before it is kept"
            )
        real_n1hw, genre_n = (torch.cat(list(parts)) for parts in zip(*self._reals, strict=True))
        self._reals.clear()
        distance = settled_distance(self.network, real_n1hw, self.seed)
        self.network.note_scores(real_n1hw, genre_n)
        return means | {
            "score_met": float(self.network.real_scores[0]),
            "frechet_distance": distance,
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let the networks of the last checkpoints stay; written before the checkpoint is."""
        if self.trainer.is_global_zero:
            keep(self.folder, self.current_epoch, self.network, self.gan.kept_checkpoints)

    def _seen(self, batch: Share) -> tuple[Tensor, Tensor]:
        assert isinstance(batch.inputs, Tensor)
        assert batch.targets is not None
        return images_of(batch.inputs, self.gan.images), batch.targets

    def _keep(self, real_n1hw: Tensor, genre_n: Tensor) -> None:
        self._reals.append((real_n1hw, genre_n))
        while sum(len(genres) for _, genres in list(self._reals)[1:]) >= self.gan.described_images:
            self._reals.popleft()

    def _made(self, n: int) -> tuple[Tensor, Tensor]:
        """Generate as many images, of genres that are all as likely."""
        genre_n = torch.randint(self.gan.n_genres, (n,), device=self.device)
        noise_nz = torch.randn(n, N_NOISE, device=self.device)
        with one_iteration(self.network.generator):
            return self.network.generator(noise_nz, genre_n), genre_n

    def _shown(self, images_n1hw: Tensor) -> Tensor:
        return in_time(images_n1hw) if self.gan.augment else images_n1hw

    def loss_of_discriminator(self, real_n1hw: Tensor, genre_n: Tensor, batch: Share) -> Tensor:
        """Return the loss of scores of real images, and of as many that are generated for it."""
        discriminator = self.network.discriminator
        with torch.no_grad():
            made_n1hw, made_genre_n = self._made(len(genre_n))
        shown_n1hw = self._shown(real_n1hw).detach().requires_grad_(self.gan.r1_weight > 0)
        with one_iteration(discriminator):
            real_n = discriminator(shown_n1hw, genre_n).float()
            made_n = discriminator(self._shown(made_n1hw), made_genre_n).float()
        loss = discriminator_loss(real_n, made_n)
        for name, value in (("discriminator_loss", loss), ("score_real", real_n.mean()),
                            ("score_made", made_n.mean())):  # fmt: skip
            self.add(name, value * batch.n_own, batch.n_own)
        if self.gan.r1_weight:
            loss = loss + self.gan.r1_weight * slope(real_n, shown_n1hw)
        return loss

    def loss_of_generator(self, batch: Share) -> Tensor:
        """Return the loss of generating as many images as a batch has."""
        made_n1hw, genre_n = self._made(len(batch.inputs))
        with one_iteration(self.network.discriminator):
            made_n = self.network.discriminator(self._shown(made_n1hw), genre_n)
            loss = generator_loss(made_n.float())
        self.add("generator_loss", loss * batch.n_own, batch.n_own)
        return loss

    def _step(self, optimizer: Any, loss: Tensor, batch: Share) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss * batch.weight)
        optimizer.step()


def settled_distance(network: Pair, real_n1hw: Tensor, seed: int) -> float:
    """Settle the networks, and return the Fréchet distance of as many generated images."""
    chance = torch.Generator().manual_seed(derive_seed("gan.described", seed))
    network.settle(chance)
    made_n1hw = network.sample(torch.arange(len(real_n1hw)) % network.settings.n_genres, chance)
    described = (describe(images.squeeze(1).cpu().numpy()) for images in (real_n1hw, made_n1hw))
    return frechet_distance(*described)


def slope(score_n: Tensor, images_n1hw: Tensor) -> Tensor:
    """Return half of the mean square norm of the gradient of scores by images (R1)."""
    (by_cell_n1hw,) = torch.autograd.grad(score_n.sum(), images_n1hw, create_graph=True)
    return 0.5 * by_cell_n1hw.square().sum(dim=(1, 2, 3)).mean()
