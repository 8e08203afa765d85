"""An exponential average of a network's weights, which varies less than the weights themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede lightning

from lightning.pytorch import LightningModule, Trainer  # isort: skip
from lightning.pytorch.callbacks import WeightAveraging  # isort: skip


class WeightAverage(WeightAveraging):
    """Lightning's average, begun with the first weights and with a decay that grows.

    The decay of step n (from 0) is at most (1 + n) / (10 + n), so that the first weights are soon
    forgotten; TensorFlow's ``ExponentialMovingAverage(num_updates=)`` does the same. Statistics of
    batch norms are averaged like weights. Validation judges the average, and so does the user.

    Parameters
    ----------
    decay : float
        Part of the average that a step keeps, in (0, 1).
    """

    def __init__(self, decay: float) -> None:
        super().__init__(multi_avg_fn=self._move)
        self.decay = decay

    @property
    def network(self) -> nn.Module:
        """The network with the averages as its weights."""
        assert self._average_model is not None
        network = self._average_model.module.network
        assert isinstance(network, nn.Module)
        return network

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average where the network is by now; the first weights are the first average."""
        assert self._average_model is not None
        self._average_model.module.to(pl_module.device)
        if not self._average_model.n_averaged:
            self._average_model.update_parameters(pl_module)

    @torch.no_grad()
    def _move(self, average: Any, now: Any, n_averaged: Tensor | int) -> None:
        if average[0].is_floating_point():
            assert self._average_model is not None
            n = int(self._average_model.n_averaged)  # on the CPU, so that no GPU is waited for
            torch._foreach_lerp_(average, now, 1 - min(self.decay, n / (9 + n)))
        else:  # counters
            torch._foreach_copy_(average, now)
