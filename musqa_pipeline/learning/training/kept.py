"""Networks of checkpoints that stay beside the last one's, and weights that come back from a file.

They are written before a checkpoint and deleted after that, so that whatever a kill leaves behind
is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.files import explained
from musqa_pipeline.learning.training.checkpoint import write_weights

Network = TypeVar("Network", bound=nn.Module)


def kept_file(folder: Path, epoch: int) -> Path:
    """Return where the networks of a checkpoint lie, from 0."""
    return folder / f"networks-{epoch:05d}.pt"


def epoch_of(path: Path) -> int:
    """Return which checkpoint a `kept_file` is of, from 0."""
    return int(path.stem.rpartition("-")[2])


def kept_files(folder: Path) -> list[Path]:
    """Return the networks of checkpoints that are there, oldest first."""
    return sorted(folder.glob("networks-*.pt"))


def keep(folder: Path, epoch: int, network: nn.Module, n_kept: int) -> None:
    """Let the networks of a checkpoint stay, and of those before it as many as make `n_kept`."""
    if not n_kept:
        return
    write_weights(kept_file(folder, epoch), network.state_dict())
    for path in kept_files(folder):
        if path < kept_file(folder, epoch - n_kept + 1):
            with explained("delete", path):
                seals.remove(path)


def filled(build: Callable[[], Network], state: Mapping[str, Tensor], path: Path) -> Network:
    """Build a network and give it weights that were read from `path`, or raise a LakeError."""
    with torch.random.fork_rng(devices=[]):  # fresh weights are drawn, and overwritten
        network = build()
    try:
        network.load_state_dict(dict(state))
    except (RuntimeError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{path} does not fit the {type(network).__name__.lower()} of this version of musqa; "
            f"train it again ({str(error).splitlines()[-1].strip()})"
        ) from error
    if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()):
        raise LakeError(f"{path} holds weights that are NaN; train it again")
    return network
