"""An exponential average of a network's weights, which varies less than the weights themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of all floating tensors of a network's state, updated step by step.

    The decay of step n (from 0) is at most (1 + n) / (10 + n), so that the first weights are soon
    forgotten; TensorFlow's ``ExponentialMovingAverage(num_updates=)`` does the same. Statistics of
    batch norms are averaged like weights.

    Parameters
    ----------
    network : nn.Module
        Whose weights now are the first average.
    decay : float
        Part of the average that a step keeps, in (0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.n_updates = 0
        self._average = {name: t.detach().clone() for name, t in _floating(network).items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards the weights as they are after a step."""
        now = _floating(network)
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        self._to_device_of(now)
        torch._foreach_lerp_(list(self._average.values()), list(now.values()), 1 - decay)
        self.n_updates += 1

    @torch.no_grad()
    def swap(self, network: nn.Module) -> None:
        """Exchange weights and average; a second call puts both back."""
        now = _floating(network)
        self._to_device_of(now)
        for name, weights in now.items():
            kept = weights.clone()
            weights.copy_(self._average[name])
            self._average[name] = kept

    def merged(self, network: nn.Module) -> dict[str, Tensor]:
        """Return the network's state dictionary with the averages in it."""
        return {**network.state_dict(), **self._average}

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"n_updates": self.n_updates, "average": self._average}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self.n_updates = int(state["n_updates"])
        self._average = {name: tensor.clone() for name, tensor in state["average"].items()}

    def _to_device_of(self, now: Mapping[str, Tensor]) -> None:
        # Lightning moves the network after the average was made.
        self._average = {name: self._average[name].to(tensor) for name, tensor in now.items()}


def _floating(network: nn.Module) -> dict[str, Tensor]:
    """Return the floating tensors of a network's state; they share its memory."""
    state: dict[str, Tensor] = network.state_dict()
    return {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
