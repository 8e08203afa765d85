"""Train the clustering of windows, by the loop that trains the other networks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.nisqa_mel import N_BANDS
from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.pretraining.dcec import (
    divergence,
    first_centres,
    soft_assignments,
    targets_of,
)
from musqa_pipeline.learning.pretraining.framewise_autoencoder import (
    FramewiseLearner,
    records_of,
    settings_of,
)
from musqa_pipeline.learning.pretraining.framewise_networks import ClusteringNetwork, embedded
from musqa_pipeline.learning.pretraining.framewise_recipe import DcecRecipe
from musqa_pipeline.learning.pretraining.framewise_run import AUTOENCODER, DCEC, read_record
from musqa_pipeline.learning.pretraining.windows import Windows
from musqa_pipeline.learning.training.attempt import TrainingResult
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.checkpoint import SETTLED, WEIGHTS_FILE, read_weights
from musqa_pipeline.learning.training.train import train

CHANGED = "changed_fraction"
"""The curve of windows that changed their cluster from one renewal to the next."""


def train_dcec(
    recipe: DcecRecipe,
    *,
    autoencoder_folder: Path,
    images: Sequence[NDArray[np.uint8]],
    training: TrainingSettings,
    folder: Path,
    **others: Any,
) -> TrainingResult:
    """Go on from an autoencoder with clusters of windows, or where an earlier attempt was ended.

    Parameters
    ----------
    recipe : DcecRecipe
        What makes it.
    autoencoder_folder : Path
        Of a finished run of `train_framewise_autoencoder`, with any hop and windows.
    images : sequence of ndarray of uint8, shape (frames, 48)
        A recording each, see `Windows`; ``data_fingerprint`` names them.
    training : TrainingSettings
        Its ``seed``, ``precision``, ``device``, ``devices`` and ``max_minutes`` are looked at.
    folder : Path
        Folder of the run, as of other networks.
    **others
        Of `learning.training.train`: ``data_fingerprint``, ``log``, ``on_epoch``, ``n_threads``.

    Returns
    -------
    TrainingResult
        Of all attempts together; epochs are checkpoints, and curves see `DcecLearner`. The last of
        ``settled`` is 1 if clusters settled, 0 if `max_updates` ended it, which is logged too.

    Raises
    ------
    StageError
        If no image is as long as a window, or has other bands, if fewer windows than clusters
        differ, or a loss is not finite. The checkpoint before it is kept.
    LakeError
        If the autoencoder's folder is another network's or not finished, or `folder` cannot be
        written or holds another training's checkpoint.
    """
    weights = _autoencoder_weights(autoencoder_folder)
    settings = settings_of(
        recipe, training, max_epochs=recipe.max_updates // recipe.checkpoint_updates
    )
    windows = Windows(images, recipe, settings.seed, recipe.checkpoint_updates)
    if len(windows) < recipe.n_clusters:
        raise StageError(
            f"DCEC: {len(windows)} windows for n_clusters={recipe.n_clusters}; add recordings to "
            "the catalogs, or lower n_clusters"
        )
    result = train(
        DCEC,
        entry=ModelEntry(
            "Deep convolutional embedded clustering",
            partial(_build, recipe),
            InputSpec(recipe.window_frames, N_BANDS, "nisqa_mels"),
            learner=partial(DcecLearner, recipe=recipe, windows=windows, first=weights),
        ),
        settings=settings,
        train_batches=windows,
        validation_batches=None,
        folder=folder,
        **records_of(recipe, settings, autoencoder=_digest_of(weights)),
        **others,
    )
    if result.finished:
        n_updates = result.epochs * recipe.checkpoint_updates
        changed = f"{result.curves[CHANGED][-1]:.2%} of {len(windows)} windows"
        others.get("log", print)(
            f"{DCEC}: settled after {n_updates} updates, {changed} changed their cluster"
            if result.curves[SETTLED][-1]
            else f"{DCEC}: ended by max_updates={n_updates}, {changed} still changed their cluster"
        )
    return result


class DcecLearner(FramewiseLearner):
    """Trains a `ClusteringNetwork` on batches of (windows, their numbers).

    Targets and clusters of all windows are buffers, so that a checkpoint between two renewals goes
    on with what the last one said. For a renewal the network is as in use, without dropout and with
    the batch norms' running statistics, and in full precision.

    Curves, as means between two checkpoints: ``loss``, ``kl`` in nats and ``mse``, its parts; as
    they are then, ``changed_fraction``, which is 1 before the first renewal, and ``settled``.

    Parameters
    ----------
    network : ClusteringNetwork
        With fresh weights, which are not used.
    settings : TrainingSettings
        Its seed.
    recipe : DcecRecipe
        Of the training.
    windows : Windows
        All of them.
    first : dict of str to Tensor
        The weights of an autoencoder.
    """

    def __init__(
        self, network: nn.Module, settings: TrainingSettings, *, recipe: DcecRecipe,
        windows: Windows, first: dict[str, Tensor],
    ) -> None:  # fmt: skip
        super().__init__(network, settings, recipe=recipe)
        assert isinstance(network, ClusteringNetwork)
        self.network: ClusteringNetwork = network
        self.seed, self.recipe, self.windows, self.first = settings.seed, recipe, windows, first
        self.targets_nk: Tensor
        self.assigned_n: Tensor
        self.changed_fraction: Tensor
        n = len(windows)
        self.register_buffer("targets_nk", torch.zeros(n, recipe.n_clusters))
        self.register_buffer("assigned_n", torch.full((n,), -1))
        self.register_buffer("changed_fraction", torch.ones((), dtype=torch.float64))

    def on_fit_start(self) -> None:
        """Take the autoencoder's weights and the centres of k-means, unless a checkpoint was read.

        The first targets follow from these.
        """
        if int(self.assigned_n[0]) < 0:
            network, recipe = self.network, self.recipe
            network.load_state_dict({**self.first, "centres_kc": network.centres_kc.detach()})
            centres = first_centres(
                self._embedded().double().cpu().numpy(), n_clusters=recipe.n_clusters,
                n_starts=recipe.kmeans_starts, seed=derive_seed("pretraining.kmeans", self.seed),
            )  # fmt: skip
            centres = self.trainer.strategy.broadcast(centres)  # as in `_renew`
            with torch.no_grad():
                network.centres_kc.copy_(torch.from_numpy(centres))
            self._renew()
            self.changed_fraction.fill_(1.0)

    def training_step(self, batch: Share, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        network = self.network
        assert isinstance(batch.inputs, Tensor)
        assert batch.targets is not None
        features_npc, made_npft = network(batch.inputs)
        with torch.autocast(batch.inputs.device.type, enabled=False):
            q_nk = soft_assignments(embedded(features_npc.float()), network.centres_kc)
            kl = divergence(self.targets_nk[batch.targets], q_nk)
            mse = functional.mse_loss(made_npft.float(), network.pieces_of(batch.inputs))
            loss = self.recipe.clustering_weight * kl + mse
        for name, mean in (("loss", loss), ("kl", kl), ("mse", mse)):
            self.add(name, mean.detach() * batch.n_own, batch.n_own)
        return loss * batch.weight

    def on_train_batch_end(self, outputs: Any, batch: Share, batch_idx: int) -> None:
        """Renew the targets when it is time."""
        n_done = self.current_epoch * self.recipe.checkpoint_updates + batch_idx + 1
        if n_done % self.recipe.renewal_updates == 0:
            self._renew()

    def take_means(self) -> dict[str, float]:
        """Return the means, and what the last renewal found."""
        changed = float(self.changed_fraction)
        settled = float(changed < self.recipe.settled_fraction)
        return {**super().take_means(), CHANGED: changed, SETTLED: settled}

    @torch.no_grad()
    def _renew(self) -> None:
        """Renew targets and clusters of all windows, and count which changed."""
        q_nk = soft_assignments(self._embedded(), self.network.centres_kc)
        # Ranks may round differently, and must agree on what ends the training.
        q_nk = self.trainer.strategy.broadcast(q_nk)
        assigned_n = q_nk.argmax(1)
        self.changed_fraction.copy_((assigned_n != self.assigned_n).double().mean())
        self.assigned_n.copy_(assigned_n)
        self.targets_nk.copy_(targets_of(q_nk))

    @torch.no_grad()
    def _embedded(self) -> Tensor:
        """Return what is clustered of all windows, (n, 384)."""
        self.network.eval()
        parts = [
            self.network.embed(torch.from_numpy(some).to(self.device))
            for some in self.windows.in_order()
        ]
        self.network.train()
        return torch.cat(parts)


def _autoencoder_weights(folder: Path) -> dict[str, Tensor]:
    """Read the weights that clustering begins with."""
    read_record(folder, (AUTOENCODER,))
    path = Path(folder) / WEIGHTS_FILE
    state = read_weights(path)
    with torch.device("meta"):
        wanted = ClusteringNetwork(1, 1).state_dict()
    del wanted["centres_kc"]
    if {k: v.shape for k, v in wanted.items()} != {k: v.shape for k, v in state.items()}:
        raise LakeError(f"{path} does not fit this version of musqa; train the autoencoder again")
    return state


def _digest_of(weights: dict[str, Tensor]) -> str:
    """Return what tells one autoencoder from another."""
    digest = blake2b(digest_size=16)
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _build(recipe: DcecRecipe, settings: TrainingSettings) -> nn.Module:
    return ClusteringNetwork(recipe.piece_hop_frames, recipe.n_clusters)
