"""Pre-train NISQA's convolutions to tell degradations apart, by the loop of the other networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.features.mel import decode_cells
from musqa_pipeline.audio.features.nisqa_mel import N_BANDS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.pretraining.framewise_autoencoder import (
    FramewiseLearner,
    records_of,
    settings_of,
)
from musqa_pipeline.learning.pretraining.framewise_networks import DegradationClassifier
from musqa_pipeline.learning.pretraining.framewise_recipe import DegradationClassifierRecipe
from musqa_pipeline.learning.pretraining.framewise_run import CLASSIFIER
from musqa_pipeline.learning.pretraining.streams import VersionRows
from musqa_pipeline.learning.pretraining.windows import require_cells
from musqa_pipeline.learning.training.attempt import TrainingResult
from musqa_pipeline.learning.training.batches import Share
from musqa_pipeline.learning.training.checkpoint import VALIDATION
from musqa_pipeline.learning.training.train import train

Numbers = NDArray[np.int64]


def train_degradation_classifier(
    recipe: DegradationClassifierRecipe,
    *,
    images: NDArray[np.uint8] | VersionRows,
    classes: NDArray[np.integer[Any]],
    groups: NDArray[Any],
    training: TrainingSettings,
    folder: Path,
    **others: Any,
) -> TrainingResult:
    """Pre-train a classifier of degradations, or go on where an earlier attempt was ended.

    Parameters
    ----------
    recipe : DegradationClassifierRecipe
        What makes it.
    images : ndarray of uint8 or VersionRows, shape (n, frames, 48)
        Excerpts as `encode_cells` stores `nisqa_mel`; ``data_fingerprint``
        names them, with classes and groups.
    classes : ndarray of int, shape (n,)
        Which of the recipe's classes each is of, from 0.
    groups : ndarray, shape (n,)
        Recording of each, a number or a name: one recording either trains or validates.
    training : TrainingSettings
        Its ``seed``, ``precision``, ``device``, ``devices`` and ``max_minutes`` are looked at.
    folder : Path
        Folder of the run, as of other networks.
    **others
        Of `learning.training.train`: ``data_fingerprint``, ``log``, ``on_epoch``, ``n_threads``.

    Returns
    -------
    TrainingResult
        Of all attempts together, with the weights of the lowest validation loss; curves see
        `ClassLearner`.

    Raises
    ------
    StageError
        If images, classes and groups do not fit, there is but one group, or a loss is not finite.
        The checkpoint before it is kept.
    LakeError
        If the folder cannot be written, or holds another training's checkpoint.
    """
    classes = _checked(images, classes, groups, len(recipe.classes))
    settings = settings_of(
        recipe, training, max_epochs=recipe.max_epochs, kept_weights="best",
        stop_patience_epochs=recipe.stop_patience_epochs,
    )  # fmt: skip
    validates = validating(groups, recipe.validation_fraction, settings.seed)
    size = recipe.batch_size
    return train(
        CLASSIFIER,
        entry=ModelEntry(
            "Degradation classifier",
            partial(_build, recipe),
            InputSpec(images.shape[1], N_BANDS, "nisqa_mels"),
            learner=partial(ClassLearner, recipe=recipe),
        ),
        settings=settings,
        train_batches=ClassBatches(
            images, classes, np.flatnonzero(~validates), size, settings.seed
        ),
        validation_batches=ClassBatches(images, classes, np.flatnonzero(validates), size),
        folder=folder,
        **records_of(recipe, settings),
        **others,
    )


class ClassLearner(FramewiseLearner):
    """Trains a `DegradationClassifier` on batches of (images, classes).

    Curves: ``loss``, the cross-entropy in nats, and ``accuracy`` of an epoch's batches as they were
    trained on; ``validation_loss``, which decides when it is over and what is kept, and
    ``validation_accuracy``.
    """

    def training_step(self, batch: Share, batch_idx: int) -> Tensor:
        """Return the cross-entropy of a batch."""
        logits_nk = self.network(batch.inputs).float()
        assert batch.targets is not None
        loss = functional.cross_entropy(logits_nk, batch.targets)
        n_right = (logits_nk.argmax(1) == batch.targets)[: batch.n_own].sum()
        self.add("loss", loss.detach() * batch.n_own, batch.n_own)
        self.add("accuracy", n_right, batch.n_own)
        return loss * batch.weight

    def validation_step(self, batch: Share, batch_idx: int) -> None:
        """Add up the cross-entropies of a batch, and count what is right."""
        assert batch.targets is not None
        logits_nk = self.network(batch.inputs)[: batch.n_own].double()
        classes_n = batch.targets[: batch.n_own]
        losses = functional.cross_entropy(logits_nk, classes_n, reduction="sum")
        self.add(VALIDATION, losses, batch.n_own)
        self.add("validation_accuracy", (logits_nk.argmax(1) == classes_n).sum(), batch.n_own)


@dataclass(frozen=True)
class ClassBatches:
    """The batches of an epoch: all rows once."""

    images: NDArray[np.uint8] | VersionRows
    classes: Numbers
    rows: Numbers
    batch_size: int
    seed: int | None = None
    """Of the order, with the epoch; as the rows are when left out."""

    def __call__(self, epoch: int = 0) -> Iterator[tuple[NDArray[np.float32], Numbers]]:
        """Yield images in 0-1, shape (n, frames, 48), and classes."""
        rows = self.rows
        if self.seed is not None:
            rows = derive_generator("pretraining.excerpts", self.seed, epoch).permutation(rows)
        for first in range(0, len(rows), self.batch_size):
            some = rows[first : first + self.batch_size]
            yield decode_cells(self.images[some]), self.classes[some]


def validating(groups: NDArray[Any], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Choose whose rows validate: so many of all groups, by the seed; at least one, and not all.

    Raises StageError if there is but one group.
    """
    there, group_n = np.unique(groups, return_inverse=True)
    if len(there) < 2:
        raise StageError(
            f"pretraining: {len(groups)} excerpts of {len(there)} recording, expected two at "
            "least, one to train on and one to validate with; add recordings to the catalogs"
        )
    n = min(max(round(fraction * len(there)), 1), len(there) - 1)
    order = derive_generator("pretraining.validation", seed).permutation(len(there))
    return np.isin(group_n, order[:n])


def _checked(
    images: NDArray[np.uint8] | VersionRows,
    classes: NDArray[np.integer[Any]],
    groups: NDArray[Any],
    n_classes: int,
) -> Numbers:
    require_cells(images.shape[2:], images.dtype, "an array of excerpts")
    if not len(images) == len(classes) == len(groups):
        raise StageError(
            f"pretraining: {len(images)} images, {len(classes)} classes and {len(groups)} groups; "
            "expected as many of each"
        )
    if len(classes) and not 0 <= classes.min() <= classes.max() < n_classes:
        raise StageError(
            f"pretraining: classes from {classes.min()} to {classes.max()}, expected 0 to "
            f"{n_classes - 1}; give those of the recipe, by number"
        )
    return classes.astype(np.int64)


def _build(recipe: DegradationClassifierRecipe, settings: TrainingSettings) -> nn.Module:
    return DegradationClassifier(recipe.piece_hop_frames, len(recipe.classes))
