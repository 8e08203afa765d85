"""Processes that train one network together, each on its own device (DDP).

The process that calls is rank 0: it alone writes, logs and is watched, so that nothing of a run
changes with the number of devices but its speed. It starts the others, hands them the same
training, and ends them when it is done or fails. They end by themselves when it is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch

from musqa_pipeline.core.errors import SettingsError, StageError
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede lightning

from lightning.fabric.plugins.environments.lightning import find_free_network_port  # isort: skip

_VARIABLES = (
    "MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE", "OMP_NUM_THREADS",
)  # fmt: skip
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Rank:
    """The place of a process among those that train together."""

    number: int = 0
    """From 0."""
    n_ranks: int = 1


@contextmanager
def started(
    n_ranks: int, device: torch.device, work: Callable[..., None], arguments: tuple[Any, ...]
) -> Iterator[Rank]:
    """Start ranks 1 to `n_ranks` - 1, and give rank 0, this process, its place once they are ready.

    `work` is what a rank does: it takes its `Rank`, a function to call once it is ready to meet the
    others, and `arguments`; like these it is pickled.

    Raises
    ------
    SettingsError
        If they are to train on GPUs, and there are fewer.
    StageError
        If another rank does not start, or fails later.
    """
    if n_ranks == 1:
        yield Rank()
        return
    n_gpus = torch.cuda.device_count()
    if device.type == "cuda" and n_gpus < n_ranks:
        raise SettingsError(
            f"[models] devices={n_ranks}: this machine has {n_gpus} GPUs; edit the preset"
        )
    spawn = multiprocessing.get_context("spawn")
    port = find_free_network_port()
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    processes, ears = [], []
    try:
        for number in range(1, n_ranks):
            ear, mouth = spawn.Pipe(duplex=False)
            process = spawn.Process(
                target=_serve,
                args=(mouth, os.getpid(), port, work, Rank(number, n_ranks), arguments),
                daemon=True,
            )
            process.start()
            mouth.close()
            processes.append(process)
            ears.append(ear)
        for number, ear in enumerate(ears, start=1):
            _wait_until_ready(number, ear)
        _tell_lightning(0, port)
        try:
            yield Rank(0, n_ranks)
        except RuntimeError as error:  # what torch says when another rank is gone
            _blame(ears, error)
            raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for process in processes:
            process.terminate()
            process.join()
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _tell_lightning(number: int, port: int) -> None:
    """Say which process this is, so that Lightning starts none and knows where rank 0 listens."""
    os.environ |= {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(number),
    }  # fmt: skip


def _heard(ear: Connection) -> str | None:
    """Return why a rank ended, or None if it says that it is ready."""
    try:
        said: str | None = ear.recv()
    except EOFError:
        return "its process ended"
    return said


def _wait_until_ready(number: int, ear: Connection) -> None:
    if said := _heard(ear):
        raise StageError(
            f"training on several devices: rank {number} did not start ({said}); set [models] "
            "devices to 1, or mend what it says"
        )


def _blame(ears: list[Connection], error: RuntimeError) -> None:
    """Raise what another rank said before it ended, if any did."""
    for number, ear in enumerate(ears, start=1):
        if ear.poll(1.0) and (said := _heard(ear)):
            raise StageError(
                f"training on several devices: rank {number} stopped ({said}); mend what it says "
                "and run again, which goes on from the last epoch"
            ) from error


def _serve(
    mouth: Connection,
    parent: int,
    port: int,
    work: Callable[..., None],
    rank: Rank,
    arguments: tuple[Any, ...],
) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _tell_lightning(rank.number, port)
    try:
        work(rank, lambda: mouth.send(None), *arguments)
    except Exception as error:
        mouth.send(str(error) or type(error).__name__)
        raise


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)
