"""When training slows down, when it stops, and which epoch wins: pure functions of the losses.

Nothing here has a state, so that nothing about the schedule can be lost in a checkpoint: a resumed
training has the same losses behind it and hence the same future.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from musqa_pipeline.core.settings.models import ModelsSettings


def learning_rate(validation_losses: Sequence[float], settings: ModelsSettings) -> float:
    """Return the learning rate of the next epoch.

    Parameters
    ----------
    validation_losses : sequence of float
        Validation loss of every epoch so far.
    settings : ModelsSettings
        Schedule, first rate, factor, patience and threshold.

    Returns
    -------
    float
        By the schedule ``"cosine"``, that of `cosine_rate`. By ``"plateau"``, multiplied by the
        factor whenever `learning_rate_patience_epochs` epochs in a row did not fall below the best
        loss by more than `plateau_threshold`. As in Keras' ReduceLROnPlateau the tenth such epoch
        lowers it; torch's scheduler of the same name waits for one more.
    """
    if settings.learning_rate_schedule == "cosine":
        return cosine_rate(len(validation_losses), settings)
    rate, best, waited = settings.learning_rate, np.inf, 0
    for loss in validation_losses:
        if loss < best - settings.plateau_threshold:
            best, waited = loss, 0
            continue
        waited += 1
        if waited >= settings.learning_rate_patience_epochs:
            rate, waited = rate * settings.learning_rate_factor, 0
    return rate


def cosine_rate(epoch: int, settings: ModelsSettings) -> float:
    """Return the learning rate of an epoch by the cosine schedule.

    Parameters
    ----------
    epoch : int
        From 0.
    settings : ModelsSettings
        First rate, epochs of warming up, most epochs.

    Returns
    -------
    float
        In equal steps up to `learning_rate` over `warmup_epochs`, which epoch `warmup_epochs`
        reaches; then half a cosine that would be 0 in epoch `max_epochs` (Loshchilov and Hutter,
        2017, arXiv:1608.03983, without restarts).
    """
    warmup = settings.warmup_epochs
    if epoch < warmup:
        return settings.learning_rate * (epoch + 1) / (warmup + 1)
    done = min(1.0, (epoch - warmup) / (settings.max_epochs - warmup))
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def best_epoch(validation_losses: Sequence[float]) -> int:
    """Return the first epoch with the lowest validation loss.

    Parameters
    ----------
    validation_losses : sequence of float
        At least one.

    Returns
    -------
    int
        Counted from 0; a later epoch wins only with a strictly lower loss.
    """
    return int(np.argmin(validation_losses))


def kept_epoch(validation_losses: Sequence[float], settings: ModelsSettings) -> int:
    """Return the epoch whose weights a training keeps.

    Parameters
    ----------
    validation_losses : sequence of float
        At least one.
    settings : ModelsSettings
        `kept_weights`.

    Returns
    -------
    int
        Counted from 0: the best one, or the last.
    """
    if settings.kept_weights == "last":
        return len(validation_losses) - 1
    return best_epoch(validation_losses)


def is_over(validation_losses: Sequence[float], settings: ModelsSettings) -> bool:
    """Tell whether training has reached its end.

    Parameters
    ----------
    validation_losses : sequence of float
        Validation loss of every epoch so far.
    settings : ModelsSettings
        Most epochs and patience.

    Returns
    -------
    bool
        True after `max_epochs`, or after `stop_patience_epochs` epochs in a row without a strictly
        lower validation loss.
    """
    n_epochs = len(validation_losses)
    if n_epochs == 0:
        return False
    waited = n_epochs - 1 - best_epoch(validation_losses)
    return n_epochs >= settings.max_epochs or waited >= settings.stop_patience_epochs
