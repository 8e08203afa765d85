"""musqa-net and InSE-NET that learn more than quality: what other metrics say, or what was done.

Each further target has a head of its own on what the answer is a linear function of, so that an
export, which asks for the answer alone, holds none of them. Targets are (n, 1 + further): quality,
then the others, NaN where there is none. Tensor names end in axis letters, see `musqa_net`; K
stands for further targets.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.learning.networks.insenet import HEAD_UNITS, InseNet
from musqa_pipeline.learning.networks.musqa_net import (
    N_HIDDEN,
    N_STEPS,
    Member,
    MusqaNet,
    bell_cross_entropy,
)
from musqa_pipeline.learning.networks.musqa_net_augmentation import equalised, some_segments

TEACHER_WEIGHT = 0.1
"""Of each teacher's part of the loss, beside 1 of the label's."""
N_PROCESSES = 32
"""Room for the numbers of codecs and effects."""
PLAN_WEIGHT = 0.3
EDGE_WEIGHT = 5.0
"""Of square errors beside nats."""


class TaughtMusqaNet(MusqaNet):
    """musqa-net, each of whose members also says what the teachers would, as a distribution."""

    def __init__(self, n_teachers: int, n_members: int) -> None:
        super().__init__(n_members)  # first, so that members begin as those of `MusqaNet` do
        self.teachers = nn.ModuleList(
            nn.Linear(N_HIDDEN, n_teachers * N_STEPS) for _ in self.members
        )


class PlannedMusqaNet(MusqaNet):
    """musqa-net, each of whose members also says where a band ends, how steeply, and the codec."""

    def __init__(self, n_members: int) -> None:
        super().__init__(n_members)
        self.plans = nn.ModuleList(nn.Linear(N_HIDDEN, 2 + N_PROCESSES) for _ in self.members)


class TaughtInseNet(InseNet):
    """InSE-NET that also says what the teachers would."""

    def __init__(self, n_teachers: int) -> None:
        super().__init__()
        self.teachers = nn.Linear(HEAD_UNITS, n_teachers)


def taught_musqa_loss(network: TaughtMusqaNet, images_nsx: Tensor, targets_nk: Tensor) -> Tensor:
    """Return musqa-net's loss, and the same of each teacher's score times `TEACHER_WEIGHT`."""
    quality_n, scores_kn = targets_nk[:, 0], targets_nk[:, 1:].T
    summed_up_ncb = network.summed_up(equalised(some_segments(images_nsx), quality_n))
    losses = []
    for member, head in zip(network.members, network.teachers, strict=True):
        assert isinstance(member, Member)
        heard_nc = member.heard(summed_up_ncb)
        answers_knq = head(heard_nc).unflatten(1, (-1, N_STEPS)).transpose(0, 1)
        losses.append(bell_cross_entropy(member.logits(heard_nc), quality_n).mean())
        for answer_nq, score_n in zip(answers_knq, scores_kn, strict=True):
            there_n = ~score_n.isnan()
            missed_n = bell_cross_entropy(answer_nq[there_n], score_n[there_n])
            losses[-1] = losses[-1] + TEACHER_WEIGHT * _mean(missed_n)
    return torch.stack(losses).mean()


def planned_musqa_loss(network: PlannedMusqaNet, images_nsx: Tensor, targets_nk: Tensor) -> Tensor:
    """Return musqa-net's loss, and what each member misses of the plan times `PLAN_WEIGHT`.

    Targets are ``cutoff`` and ``slope`` in 0-1, square errors, and ``codec``, a number below
    `N_PROCESSES` and a cross entropy.
    """
    quality_n, codec_n = targets_nk[:, 0], targets_nk[:, 3]
    filtered_n, coded_n = ~targets_nk[:, 1].isnan(), ~codec_n.isnan()
    summed_up_ncb = network.summed_up(equalised(some_segments(images_nsx), quality_n))
    losses = []
    for member, head in zip(network.members, network.plans, strict=True):
        assert isinstance(member, Member)
        heard_nc = member.heard(summed_up_ncb)
        plan_nk = head(heard_nc)
        edge_nk = (plan_nk[filtered_n, :2] - targets_nk[filtered_n, 1:3]).square()
        codec = functional.cross_entropy(
            plan_nk[coded_n, 2:], codec_n[coded_n].long(), reduction="none"
        )
        missed = EDGE_WEIGHT * _mean(edge_nk.sum(dim=1)) + _mean(codec)
        own = bell_cross_entropy(member.logits(heard_nc), quality_n).mean()
        losses.append(own + PLAN_WEIGHT * missed)
    return torch.stack(losses).mean()


def taught_inse_loss(network: TaughtInseNet, images_ntc: Tensor, targets_nk: Tensor) -> Tensor:
    """Return the mean square error, and that of each teacher's score times `TEACHER_WEIGHT`."""
    heard_nc = network.heard(images_ntc)
    loss = functional.mse_loss(network.quality(heard_nc).squeeze(1), targets_nk[:, 0])
    for answer_n, score_n in zip(network.teachers(heard_nc).T, targets_nk[:, 1:].T, strict=True):
        there_n = ~score_n.isnan()
        loss = loss + TEACHER_WEIGHT * _mean((answer_n[there_n] - score_n[there_n]).square())
    return loss


def _mean(values_n: Tensor) -> Tensor:
    """Return the mean; 0 of nothing."""
    return values_n.sum() / max(1, len(values_n))
