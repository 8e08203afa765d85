"""What a training needs to go on after a kill, in files that are either whole or absent.

``checkpoint.ckpt`` holds the last finished epoch: what Lightning keeps of modules, optimizers and
averages, and the losses so far, from which the schedule follows. The best weights lie beside it as
``best-<epoch>.pt``, which a checkpoint names through its losses: written before it and deleted
after it, so that whichever checkpoint a kill leaves behind, its best weights are there. At the end
they become ``weights.pt``.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.files import explained, whole_file

CHECKPOINT_FILE = "checkpoint.ckpt"
WEIGHTS_FILE = "weights.pt"
SETTINGS_FILE = "settings.json"
CURVES_FILE = "curves.json"
ENVIRONMENT_FILE = "environment.json"
_FORMAT = 2
_RECORD = "musqa"
"""Where our part lies among what Lightning keeps in a checkpoint."""
VALIDATION = "validation_loss"
"""The curve that decides on learning rate, stopping and best epoch."""
CORRELATION = "validation_r"
"""The curve that decides on stopping, too, where it is there."""
SETTLED = "settled"
"""The curve that ends a training at its first 1, where it is there."""
SPEEDS = ("seconds", "images_per_s")
"""What is kept of an epoch and is no part of the result."""


@dataclass
class History:
    """The finished epochs of a training."""

    values: dict[str, list[float]] = field(default_factory=dict)
    """Of each epoch by name: the learner's means, ``learning_rate``; ``seconds`` from the end of
    the epoch before and ``images_per_s`` trained on, validation and writing left out."""

    def add(self, numbers: Mapping[str, float]) -> None:
        """Take in an epoch."""
        for name, number in numbers.items():
            self.values.setdefault(name, []).append(number)

    @property
    def n_epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.values.get("seconds", ()))

    @property
    def judged(self) -> list[float]:
        """What decides on learning rate, stopping and best epoch; else each beats those before."""
        return self.values.get(VALIDATION, [-float(epoch) for epoch in range(self.n_epochs)])

    @property
    def correlations(self) -> list[float]:
        """What decides on stopping beside `judged`; empty where it does not count."""
        return self.values.get(CORRELATION, [])

    @property
    def is_settled(self) -> bool:
        """Whether the learner said that nothing more is to come."""
        return 1.0 in self.values.get(SETTLED, [])

    def curves(self) -> dict[str, list[float]]:
        """Return what a plot shows, per epoch."""
        return {k: list(v) for k, v in self.values.items() if k not in SPEEDS}


def complete(
    checkpoint: dict[str, Any], identity: Mapping[str, Any], n_threads: int, history: History
) -> None:
    """Add to a checkpoint what Lightning does not know, and let it say that its epoch is over.

    `identity` says which training this is: network, settings, data. It goes on with as many
    threads as it began with, because another number would round differently.
    """
    checkpoint[_RECORD] = _record(json.dumps(identity, sort_keys=True), n_threads, history.values)
    # Lightning counts an epoch as over only after the last hook in which it can be stored, and
    # would begin its end again.
    loops = checkpoint["loops"]["fit_loop"]
    steps = {name: state for name, state in loops.items() if "optim" in name}
    checkpoint["loops"] = _after_epochs(history.n_epochs, steps)


def _record(identity: str, n_threads: int, history: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": _FORMAT, "identity": identity, "n_threads": n_threads, "history": history,
    }  # fmt: skip


def _after_epochs(n_epochs: int, steps: Mapping[str, Any]) -> dict[str, Any]:
    done = dict.fromkeys(("ready", "started", "processed", "completed"), n_epochs)
    progress = {"total": done, "current": done}
    return {"fit_loop": {"state_dict": {}, "epoch_progress": progress, **steps}}


def read_checkpoint(
    folder: Path, identity: Mapping[str, Any]
) -> tuple[History, int, dict[str, Any]] | None:
    """Read the last finished epoch of a run, with its threads and the whole for Lightning.

    None before the first epoch is finished. `LakeError` if the file is damaged, or belongs to a
    training with another identity.
    """
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    state = read_weights(path)
    if state.get("format") == 1:
        state = _from_format_1(state)
    record = state.get(_RECORD, {})
    if record.get("format") != _FORMAT:
        raise LakeError(f"{path} has another format than {_FORMAT}; delete it and run again")
    found = json.loads(record["identity"])
    if found != json.loads(json.dumps(identity)):
        differing = sorted(k for k in {*found, *identity} if found.get(k) != identity.get(k))
        raise LakeError(
            f"{path} belongs to another training, which differs in {', '.join(differing)}; "
            "delete the folder, or train into another one"
        )
    return History(record["history"]), record["n_threads"], state


def _from_format_1(old: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a checkpoint of the first format, which was all our own, into Lightning's."""
    names = {"losses": "loss", "validation_losses": VALIDATION, "learning_rates": "learning_rate"}
    history = {names.get(name, name): values for name, values in old["history"].items()}
    network = {f"network.{name}": tensor for name, tensor in old["network"].items()}
    checkpoint = {
        _RECORD: _record(old["identity"], old["n_threads"], history),
        "pytorch-lightning_version": version("lightning"),
        "state_dict": network,
        "loops": _after_epochs(len(history[VALIDATION]), {}),
        "callbacks": {},
        "optimizer_states": [old["optimizer"]],
        "lr_schedulers": [],
    }
    if scaler := old.get("scaler"):
        checkpoint["MixedPrecision"] = scaler
    if average := old.get("average"):
        means = {f"network.{name}": tensor for name, tensor in average["average"].items()}
        checkpoint["current_model_state"] = network
        checkpoint["state_dict"] = {**network, **means}
        checkpoint["averaging_state"] = {"n_averaged": torch.tensor(average["n_updates"] + 1)}
    return checkpoint


def best_weights_file(folder: Path, epoch: int) -> Path:
    """Return where the weights of an epoch lie while they are the best of a running training."""
    return folder / f"best-{epoch:04d}.pt"


def write_weights(path: Path, network: Mapping[str, Tensor]) -> None:
    """Write a network's state dictionary, on any device, whole; see `write_tensors`."""
    write_tensors(path, {name: tensor.detach().cpu() for name, tensor in network.items()})


def keep_only_best(folder: Path, epoch: int) -> None:
    """Delete the weights of epochs that are no longer the best."""
    for path in folder.glob("best-*.pt"):
        if path != best_weights_file(folder, epoch):
            with explained("delete", path):
                seals.remove(path)


def settle_weights(folder: Path, epoch: int) -> Path:
    """Give the best weights their final name, ``weights.pt``; may be repeated after a kill.

    `LakeError` if neither they nor ``weights.pt`` are there.
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


def write_tensors(path: Path, value: Mapping[str, Any]) -> None:
    """Write tensors whole, or raise a `LakeError` and leave the file that was there."""
    # Through memory: torch reports a full disk as a RuntimeError without the reason.
    buffer = io.BytesIO()
    torch.save(value, buffer)
    with whole_file(path, sealed=True) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_weights(path: Path) -> dict[str, Any]:
    """Read tensors by name onto the CPU, as they were written; nothing else is ever unpickled.

    `LakeError` if the file is absent or damaged.
    """
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
