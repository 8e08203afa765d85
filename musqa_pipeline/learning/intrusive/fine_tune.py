"""The second step: a network that mimics the metric learns from listeners, a little.

Few scores exist, so little may move: few epochs, a small rate, and batch normalisation as the
first training left it. What it gains is measured by cross-validation in which all pairs of a
reference are in one fold; the network that is stored has learned from all of them.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.files import explained
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.intrusive.run import MODEL, load_intrusive
from musqa_pipeline.learning.intrusive.scores import ScoredPairs
from musqa_pipeline.learning.training.batches import Batch
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    read_weights,
    write_json,
    write_weights,
)
from musqa_pipeline.learning.training.learner import Supervised
from musqa_pipeline.learning.training.train import train
from musqa_pipeline.studies.statistics.metrics import pearson, rmse, spearman

FINE_TUNE_FILE = "fine_tune.json"
MIN_REFERENCES = 4


@dataclass(frozen=True, kw_only=True)
class FineTuneSettings:
    """How the second step is done."""

    epochs: int = 12
    """Passes over the scores."""
    learning_rate: float = 2e-4
    """AdamW's, constant; a tenth of the first training's."""
    weight_decay: float = 0.01
    """AdamW's."""
    batch_size: int = 16
    """Pairs in a step."""
    n_folds: int = 5
    """Folds of the cross-validation; fewer with fewer references."""
    seed: int = 0
    """Of folds and order."""


@dataclass(frozen=True)
class FineTuneResult:
    """What the second step changed."""

    n_pairs: int
    n_references: int
    n_folds: int
    before: dict[str, float | None]
    """pearson, spearman and rmse (MOS) of the network as it was."""
    after: dict[str, float | None]
    """The same of pairs whose reference was not learned from."""
    folder: str
    """The new run."""


def fine_tune(
    scores: ScoredPairs,
    run: Path,
    out: Path,
    *,
    settings: FineTuneSettings | None = None,
    device: str = "cpu",
    n_devices: int = 1,
) -> FineTuneResult:
    """Train a network further on listening scores and store it as a run of its own.

    Parameters
    ----------
    scores : ScoredPairs
        From `musqa_pipeline.learning.intrusive.scores.read_scores`.
    run : Path
        Folder of a run of ``insenet``.
    out : Path
        Folder to make; what `TrainedRun` and `load_model` take.
    settings : FineTuneSettings, optional
        The defaults when left out.
    device : str
        Where to train.
    n_devices : int
        Among how many of these each batch is divided, a process each; only speed depends on it.

    Returns
    -------
    FineTuneResult
        Also written to ``fine_tune.json``, with the prediction for each pair.

    Raises
    ------
    SettingsError
        If there are fewer than `MIN_REFERENCES` references, `out` holds something already, or the
        run is of another network.
    LakeError
        If a file of the run is absent or damaged, or `out` cannot be written.
    """
    settings = settings or FineTuneSettings()
    n_references = len(set(scores.references))
    if n_references < MIN_REFERENCES:
        raise SettingsError(
            f"{n_references} references: expected at least {MIN_REFERENCES}, so that what was not "
            "learned from can be predicted; add scores of others"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"{out} exists and is not empty; name a new folder")
    network = load_intrusive(run, device)
    images = scores.images.to(find_device(device))
    before = predict_mos(network, images)
    fold_of = draw_folds(scores.references, settings)
    after = np.empty_like(before)
    for fold in range(int(fold_of.max()) + 1):
        held_out = fold_of == fold
        others = np.flatnonzero(~held_out)
        tuned = train_further(network, scores, others, settings, fold, device, n_devices)
        after[held_out] = predict_mos(tuned, images[torch.from_numpy(held_out)])
    result = FineTuneResult(
        n_pairs=len(scores.mos),
        n_references=n_references,
        n_folds=int(fold_of.max()) + 1,
        before=_agreement(scores.mos, before),
        after=_agreement(scores.mos, after),
        folder=str(out),
    )
    rows = zip(scores.references, scores.degraded, scores.mos, before, after, fold_of, strict=True)
    names = ("file_ref", "file_deg", "mos", "before", "after", "fold")
    pairs = [dict(zip(names, (*row[:2], *map(float, row[2:])), strict=True)) for row in rows]
    every = np.arange(len(before))
    final = train_further(network, scores, every, settings, -1, device, n_devices)
    _store(final, run, out, {"settings": asdict(settings), **asdict(result), "pairs": pairs})
    return result


def draw_folds(references: tuple[str, ...], settings: FineTuneSettings) -> NDArray[np.int64]:
    """Draw the fold of each pair, from 0, the same for all pairs of a reference.

    Folds differ by at most one reference.
    """
    names = sorted(set(references))
    order = derive_generator("intrusive.folds", settings.seed).permutation(len(names))
    n_folds = min(settings.n_folds, len(names))
    fold_of = {names[name]: place % n_folds for place, name in enumerate(order.tolist())}
    return np.array([fold_of[name] for name in references], np.int64)


def train_further(
    network: nn.Module,
    scores: ScoredPairs,
    rows: NDArray[np.int64],
    settings: FineTuneSettings,
    fold: int,
    device: str,
    n_devices: int = 1,
) -> nn.Module:
    """Train a copy of a network on some rows of the scores, and return it in evaluation mode.

    The fold decides on the order, with the seed and the epoch.
    """
    quality = torch.from_numpy((scores.mos - 1.0) / 4.0).float()
    targets = torch.stack((quality, torch.from_numpy(scores.weights).float()), 1)
    batches = _Shuffled(scores.images, targets, rows, settings.batch_size, (settings.seed, fold))
    tuned = copy.deepcopy(network).cpu().eval()
    entry = ModelEntry(
        "the second step",
        partial(_copied, tuned),
        InputSpec(*scores.images.shape[1:]),
        learner=_Further,
    )
    with tempfile.TemporaryDirectory() as folder:
        result = train(
            MODEL,
            entry=entry,
            settings=TrainingSettings(
                learning_rate=settings.learning_rate,
                weight_decay=settings.weight_decay,
                max_epochs=settings.epochs,
                device=device,
                devices=n_devices,
            ),
            train_batches=batches,
            validation_batches=None,
            folder=Path(folder),
            log=lambda line: None,
            n_threads=torch.get_num_threads(),
        )
        tuned.load_state_dict(read_weights(result.weights))
    return tuned.to(find_device(device))


@dataclass(frozen=True)
class _Shuffled:
    """The batches of an epoch; can be pickled, for other ranks."""

    images: Tensor
    targets: Tensor
    rows: NDArray[np.int64]
    batch_size: int
    chance: tuple[int, int]

    def __call__(self, epoch: int) -> Iterator[Batch]:
        order = derive_generator("intrusive.order", *self.chance, epoch).permutation(self.rows)
        for batch in torch.from_numpy(order).split(self.batch_size):
            yield self.images[batch], self.targets[batch]


def _copied(network: nn.Module, settings: TrainingSettings) -> nn.Module:
    """Build a copy; what another rank is handed shares its memory with this one."""
    return copy.deepcopy(network)


class _Further(Supervised):
    """Moves all weights alike, and leaves normalisation as the first training left it."""

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        super().__init__(network, settings, loss=_weighed_square_error)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make AdamW, which does not spare vectors here."""
        return torch.optim.AdamW(
            self.network.parameters(),
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
        )


def _weighed_square_error(network: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    quality, weights = targets.unbind(1)
    return torch.mean(weights * (network(images) - quality).square())


def predict_mos(network: nn.Module, images: Tensor) -> NDArray[np.float64]:
    """Predict the MOS of pairs, 1 to 5."""
    with torch.inference_mode():
        parts = [network(batch).clamp(0.0, 1.0) for batch in images.split(64)]
    return 1.0 + 4.0 * torch.cat(parts).double().cpu().numpy()


def _agreement(mos: NDArray[np.float64], predicted: NDArray[np.float64]) -> dict[str, float | None]:
    return {
        "pearson": pearson(mos, predicted),
        "spearman": spearman(mos, predicted),
        "rmse": rmse(mos, predicted),
    }


def _store(network: nn.Module, run: Path, out: Path, report: dict[str, Any]) -> None:
    with explained("write", out):
        out.mkdir(parents=True, exist_ok=True)
    record = json.loads((run / SETTINGS_FILE).read_text(encoding="utf-8"))
    record["fine_tuned"] = {"from": digest([record]), "pairs": report["n_pairs"]}
    write_json(out / SETTINGS_FILE, record)
    write_json(out / FINE_TUNE_FILE, report)
    write_weights(out / WEIGHTS_FILE, network.state_dict())
