"""Gradient-boosted trees as products of matrices, so that one file holds them beside networks.

A tree's decisions are compared with the decisions on the way to each of its leaves: the leaf whose
way they follow is where a row ends [1]_. Tensor names end in axis letters: N row, F feature, T
tree, D decision, L leaf, Q step of quality.

References
----------
.. [1] S. Nakandala et al., "A Tensor Compiler for Unified Machine Learning Prediction Serving",
   OSDI 2020, section 4.1 (its strategy GEMM), arXiv:2010.04804.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import Tensor, nn

HALF_WIDTH_STEPS = 8
"""Of the triangle that stands for a prediction of trees, which is a point: its standard deviation
is 0.08 of quality, about what they err by on recordings that they never met."""


class BoostedTrees(nn.Module):
    """The trees of a fitted `HistGradientBoostingRegressor`; all of them are buffers.

    Parameters
    ----------
    n_trees, n_decisions, n_leaves : int
        Number of trees, and the most decisions and leaves that one has.
    """

    feature_td: Tensor
    threshold_td: Tensor
    way_tdl: Tensor
    depth_tl: Tensor
    value_tl: Tensor
    base: Tensor

    def __init__(self, n_trees: int, n_decisions: int, n_leaves: int) -> None:
        super().__init__()
        shape = (n_trees, n_decisions, n_leaves)
        self.register_buffer("feature_td", torch.zeros(shape[:2], dtype=torch.int64))
        self.register_buffer("threshold_td", torch.zeros(shape[:2]))
        self.register_buffer("way_tdl", torch.zeros(shape))
        self.register_buffer("depth_tl", torch.full(shape[::2], torch.inf))
        self.register_buffer("value_tl", torch.zeros(shape[::2]))
        self.register_buffer("base", torch.zeros(1))

    def forward(self, features_nf: Tensor) -> Tensor:
        """Predict rows, shape (n,), in the unit of the labels; features are float32 (n, f)."""
        seen_ntd = features_nf[:, self.feature_td.flatten()].unflatten(1, self.feature_td.shape)
        side_tnd = torch.where(seen_ntd <= self.threshold_td, 1.0, -1.0).transpose(0, 1)
        followed_ntl = torch.matmul(side_tnd, self.way_tdl).transpose(0, 1)
        here_ntl = (followed_ntl == self.depth_tl).to(features_nf.dtype)
        return (here_ntl * self.value_tl).sum(dim=(1, 2)) + self.base


def from_sklearn(model: HistGradientBoostingRegressor) -> BoostedTrees:
    """Copy the trees of a fitted regressor of numbers that are never missing."""
    trees = [tree.nodes for (tree,) in model._predictors]
    n_leaves = max(int(nodes["is_leaf"].sum()) for nodes in trees)
    copied = BoostedTrees(len(trees), max(1, n_leaves - 1), n_leaves)
    for number, nodes in enumerate(trees):
        _copy(nodes, copied, number)
    copied.base.fill_(float(np.ravel(model._baseline_prediction)[0]))
    return copied


def _copy(nodes: NDArray[np.void], copied: BoostedTrees, number: int) -> None:
    """Copy one tree: +1 on the way of a leaf stands for "left", which is at most the threshold."""
    ways: dict[int, list[tuple[int, int]]] = {0: []}
    n_decisions = n_leaves = 0
    for index, node in enumerate(nodes):  # parents come before their children
        way = ways[index]
        if node["is_leaf"]:
            for decision, side in way:
                copied.way_tdl[number, decision, n_leaves] = side
            copied.depth_tl[number, n_leaves] = len(way)
            copied.value_tl[number, n_leaves] = float(node["value"])
            n_leaves += 1
            continue
        copied.feature_td[number, n_decisions] = int(node["feature_idx"])
        copied.threshold_td[number, n_decisions] = _rounded_down(float(node["num_threshold"]))
        ways[int(node["left"])] = [*way, (n_decisions, 1)]
        ways[int(node["right"])] = [*way, (n_decisions, -1)]
        n_decisions += 1


def _rounded_down(threshold: float) -> float:
    """Return the largest float32 that is no greater: what is compared with it is float32 too."""
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))


def spread(quality_n: Tensor, step_q: Tensor) -> Tensor:
    """Turn points of quality into distributions over even steps from 0, (n, q), of the same mean.

    Each is a triangle `HALF_WIDTH_STEPS` wide to either side, and narrower where it would leave the
    steps. A triangle that is whole steps wide has its mean exactly at its tip.
    """
    n_last = len(step_q) - 1
    place_n1 = (quality_n * (n_last / float(step_q[-1]))).clamp(0, n_last).unsqueeze(1)
    room_n1 = torch.minimum(place_n1, n_last - place_n1)
    half_n1 = room_n1.floor().clamp(1, HALF_WIDTH_STEPS)
    steps_q = torch.arange(n_last + 1, device=place_n1.device)
    return (1 - (steps_q - place_n1).abs() / half_n1).clamp(min=0) / half_n1


def mixed(probability_nq: Tensor, quality_n: Tensor, step_q: Tensor, weight: float) -> Tensor:
    """Average distributions of networks, (n, q), with what trees predict, (n,), by a weight."""
    return (1 - weight) * probability_nq + weight * spread(quality_n, step_q)
