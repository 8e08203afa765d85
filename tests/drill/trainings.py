"""SIGTERM and SIGKILL in a training: it goes on where it was, to the same bits."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import torch

from tests.drill.ledger import Ledger


def drill_training(plant, ledger: Ledger, lake, rng, signals: list[signal.Signals]) -> None:
    """End trainings of a network at random moments after they began.

    Parameters
    ----------
    plant, ledger, lake, rng
        The lake has everything up to the spectrograms.
    signals : list of Signals
        One a training that is ended.
    """
    right = weights_of(plant.undisturbed)
    for number in signals:
        if list((lake.home / "lake" / "models").glob("run=*/musqa_net-*.parquet")):
            for folder in (lake.home / "lake" / "models").glob("run=*"):
                shutil.rmtree(folder)  # it got through: once more from the start
        plant.log_file(lake).unlink(missing_ok=True)
        run = plant.run(lake, until="models")
        folder = lake.home / "lake" / "models"
        known = {p: p.stat().st_mtime_ns for p in folder.glob("run=*/musqa_net-*/settings.json")}
        while run.poll() is None and not _begun(folder, known):
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 3.0))
        alive = run.poll() is None
        if alive:
            run.send(number)
        code = run.wait()
        stored = list(folder.glob("run=*/musqa_net-*.parquet"))
        epochs = plant.log_file(lake).read_text().count("epoch ") if alive else 0
        proof = alive and not stored and code != 0 and f"ended with {code} after {epochs} epochs"
        if not alive or stored:
            continue  # it was through before the signal came
        ledger.fault(f"{number.name} in a training", f"after {epochs} epochs", proof)
    ledger.judge(plant.finish(lake))
    mine = weights_of(lake)
    assert mine.keys() == right.keys()
    assert all(torch.equal(mine[name], right[name]) for name in right), "other weights"


def _begun(folder: Path, known: dict[Path, int]) -> bool:
    """Tell whether a training has written its settings since; it does so before its first epoch."""
    found = {p: p.stat().st_mtime_ns for p in folder.glob("run=*/musqa_net-*/settings.json")}
    return found != known and bool(found)


def weights_of(lake) -> dict[str, torch.Tensor]:
    """Load the network of a lake."""
    (file,) = (lake.home / "lake" / "models").rglob("weights.pt")
    return torch.load(file, weights_only=True)
