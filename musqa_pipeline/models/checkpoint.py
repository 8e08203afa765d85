"""What a training needs to go on after a kill, in files that are either whole or absent.

``checkpoint.ckpt`` holds the last finished epoch: network, optimizer, averages and the losses so
far, from which the schedule follows. The best weights lie beside it as ``best-<epoch>.pt``, which a
checkpoint names through its losses: written before it and deleted after it, so that whichever
checkpoint a kill leaves behind, its best weights are there. At the end they become ``weights.pt``.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from musqa_pipeline import seals
from musqa_pipeline.disk import explained, whole_file
from musqa_pipeline.errors import LakeError

CHECKPOINT_FILE = "checkpoint.ckpt"
WEIGHTS_FILE = "weights.pt"
SETTINGS_FILE = "settings.json"
CURVES_FILE = "curves.json"
ENVIRONMENT_FILE = "environment.json"
_FORMAT = 1


@dataclass
class History:
    """The finished epochs of a training."""

    losses: list[float] = field(default_factory=list)
    """Mean square error on the training images, with dropout, as the weights moved."""
    validation_losses: list[float] = field(default_factory=list)
    """Mean square error on the validation images after the epoch."""
    learning_rates: list[float] = field(default_factory=list)
    """Adam's rate in the epoch."""
    seconds: list[float] = field(default_factory=list)
    """Time from the end of the epoch before, or from the start; no part of the result."""
    images_per_s: list[float] = field(default_factory=list)
    """Images trained on a second, validation and writing left out; no part of the result."""

    @property
    def n_epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.validation_losses)

    def curves(self) -> dict[str, list[float]]:
        """Return what a plot shows, per epoch."""
        return {
            "loss": list(self.losses),
            "validation_loss": list(self.validation_losses),
            "learning_rate": list(self.learning_rates),
        }


@dataclass
class Checkpoint:
    """A training at the end of an epoch."""

    identity: Mapping[str, Any]
    """Which training this is: network, settings, data."""
    n_threads: int
    """Threads that it began with; another number would round differently."""
    history: History
    network: Mapping[str, Tensor]
    """Weights as they move; of a frozen backbone a digest alone."""
    optimizer: Mapping[str, Any]
    average: Mapping[str, Any] = field(default_factory=dict)
    """`WeightAverage.state_dict`; empty without one."""
    scaler: Mapping[str, Any] = field(default_factory=dict)
    """State of the loss scaling of float16; empty without it."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the last finished epoch, replacing the one before.

    Parameters
    ----------
    folder : Path
        Folder of the run; made if needed.
    checkpoint : Checkpoint
        What to keep.

    Raises
    ------
    LakeError
        If the disk is full, read-only or not permitted; the checkpoint before is still there.
    """
    state = {
        "format": _FORMAT,
        "identity": json.dumps(checkpoint.identity, sort_keys=True),
        "n_threads": checkpoint.n_threads,
        "history": asdict(checkpoint.history),
        "network": dict(checkpoint.network),
        "optimizer": dict(checkpoint.optimizer),
        "average": dict(checkpoint.average),
        "scaler": dict(checkpoint.scaler),
    }
    _write_tensors(folder / CHECKPOINT_FILE, state)


def read_checkpoint(folder: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """Read the last finished epoch of a run.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    identity : mapping
        Which training is asked for.

    Returns
    -------
    Checkpoint or None
        None if the run has not finished an epoch yet.

    Raises
    ------
    LakeError
        If the file is damaged, or belongs to a training with another identity.
    """
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    state = _read_tensors(path)
    if state.get("format") != _FORMAT:
        raise LakeError(f"{path} has another format than {_FORMAT}; delete it and run again")
    found = json.loads(state["identity"])
    if found != json.loads(json.dumps(identity)):
        differing = sorted(k for k in {*found, *identity} if found.get(k) != identity.get(k))
        raise LakeError(
            f"{path} belongs to another training, which differs in {', '.join(differing)}; "
            "delete the folder, or train into another one"
        )
    return Checkpoint(
        identity=found,
        n_threads=state["n_threads"],
        history=History(**state["history"]),
        network=state["network"],
        optimizer=state["optimizer"],
        average=state.get("average", {}),
        scaler=state.get("scaler", {}),
    )


def best_weights_file(folder: Path, epoch: int) -> Path:
    """Return where the weights of an epoch lie while they are the best of a running training."""
    return folder / f"best-{epoch:04d}.pt"


def write_weights(path: Path, network: Mapping[str, Tensor]) -> None:
    """Write a network's state dictionary whole.

    Parameters
    ----------
    path : Path
        Final name.
    network : mapping of str to Tensor
        Names and tensors, on any device.

    Raises
    ------
    LakeError
        If the disk is full, read-only or not permitted.
    """
    _write_tensors(path, {name: tensor.detach().cpu() for name, tensor in network.items()})


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a network's state dictionary onto the CPU.

    Parameters
    ----------
    path : Path
        A file that `write_weights` wrote.

    Returns
    -------
    dict of str to Tensor
        Names and tensors; nothing else is ever unpickled.

    Raises
    ------
    LakeError
        If the file is absent or damaged.
    """
    return _read_tensors(path)


def keep_only_best(folder: Path, epoch: int) -> None:
    """Delete the weights of epochs that are no longer the best."""
    for path in folder.glob("best-*.pt"):
        if path != best_weights_file(folder, epoch):
            with explained("delete", path):
                seals.remove(path)


def settle_weights(folder: Path, epoch: int) -> Path:
    """Give the best weights their final name; may be repeated after a kill.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    epoch : int
        The best epoch.

    Returns
    -------
    Path
        ``weights.pt``.

    Raises
    ------
    LakeError
        If neither the best weights nor ``weights.pt`` are there.
    """
    best, final = best_weights_file(folder, epoch), folder / WEIGHTS_FILE
    if best.exists():
        with explained("rename", best):
            seals.move(best, final)
    elif not final.exists():
        raise LakeError(f"{best} is missing; delete the folder {folder} and run again")
    keep_only_best(folder, epoch)
    return final


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole."""
    with whole_file(path, sealed=True) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _write_tensors(path: Path, value: Mapping[str, Any]) -> None:
    # Through memory: torch reports a full disk as a RuntimeError without the reason.
    buffer = io.BytesIO()
    torch.save(value, buffer)
    with whole_file(path, sealed=True) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def _read_tensors(path: Path) -> dict[str, Any]:
    try:
        content = io.BytesIO(seals.read(path))
        value = torch.load(content, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # whose text says how to switch this safety off
        raise LakeError(
            f"cannot read {path}: it is damaged, or holds more than tensors, which musqa never "
            f"loads; delete the folder {path.parent} and run again"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise LakeError(
            f"cannot read {path}: {reason}; delete the folder {path.parent} and run again"
        ) from error
    if not isinstance(value, dict):
        raise LakeError(f"{path} holds no dictionary; delete the folder and run again")
    return value
