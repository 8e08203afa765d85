"""Hinge losses of generator and discriminator (paper 000, equations 1 and 2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def discriminator_loss(real_n: Tensor, made_n: Tensor) -> Tensor:
    """Return what the discriminator makes small: scores of real images below 1, of made above -1.

    Parameters
    ----------
    real_n, made_n : Tensor
        Scores of real images and of those that the generator made, each of shape (n,).

    Returns
    -------
    Tensor
        A scalar, 0 or more.
    """
    return functional.relu(1 - real_n).mean() + functional.relu(1 + made_n).mean()


def generator_loss(made_n: Tensor) -> Tensor:
    """Return what the generator makes small: minus the mean score of its images, (n,)."""
    return -made_n.mean()
