"""When training slows down, when it stops, and which epoch wins: pure functions of the losses.

Nothing here has a state, so that nothing about the schedule can be lost in a checkpoint: a resumed
training has the same losses behind it and hence the same future. `losses` are the validation losses
of every epoch so far, `correlations` Pearson's r of predictions and labels in validation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from musqa_pipeline.learning.entry import TrainingSettings


def learning_rate(losses: Sequence[float], settings: TrainingSettings) -> float:
    """Return the learning rate of the next epoch, above 0 before `max_epochs`.

    By the schedule ``"plateau"`` it is multiplied by the factor whenever
    `learning_rate_patience_epochs` epochs in a row did not fall below the best loss by more than
    `plateau_threshold`. As in Keras' ReduceLROnPlateau the tenth such epoch lowers it; torch's
    scheduler of the same name waits for one more.

    By ``"cosine"``, which looks at the number of losses alone, it rises in equal steps over
    `warmup_epochs` to `learning_rate`, then falls as half a cosine that would be 0 in epoch
    `max_epochs` (Loshchilov and Hutter, 2017, arXiv:1608.03983, without restarts).
    """
    rate = settings.learning_rate
    if settings.learning_rate_schedule == "cosine":
        epoch, warmup = len(losses), settings.warmup_epochs
        if epoch < warmup:
            return rate * (epoch + 1) / (warmup + 1)
        done = min(1.0, (epoch - warmup) / (settings.max_epochs - warmup))
        return rate * 0.5 * (1 + math.cos(math.pi * done))
    best, waited = np.inf, 0
    for loss in losses:
        if loss < best - settings.plateau_threshold:
            best, waited = loss, 0
            continue
        waited += 1
        if waited >= settings.learning_rate_patience_epochs:
            rate, waited = rate * settings.learning_rate_factor, 0
    return rate


def kept_epoch(losses: Sequence[float], settings: TrainingSettings) -> int:
    """Return the epoch, from 0, whose weights are kept: the last, or the best one.

    A later epoch is better only with a strictly lower loss. There is at least one.
    """
    return len(losses) - 1 if settings.kept_weights == "last" else int(np.argmin(losses))


def is_over(
    losses: Sequence[float], settings: TrainingSettings, correlations: Sequence[float] = ()
) -> bool:
    """Tell whether training has reached its end.

    It has after `max_epochs`, or after `stop_patience_epochs` epochs in a row with neither a
    strictly lower loss nor, where they count, a strictly higher correlation.
    """
    if not losses:
        return False
    improved = int(np.argmin(losses))
    if correlations:
        improved = max(improved, int(np.argmax(correlations)))
    waited = len(losses) - 1 - improved
    return len(losses) >= settings.max_epochs or waited >= settings.stop_patience_epochs
