"""Bodies of wav2vec 2.0 that learned before, and the same from chance, frozen and fine-tuned.

A ridge on the mean of the last block, or a linear layer and fine-tuning, says the severities of
faults, which are known as they were made, and MOS where a label is trusted; of rows of test
recordings, which no body has heard and of which no label is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import polars as pl
import torch
from kept_answers import Arrays, KeptAnswers, tell
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.audio.degradations.carriers.chains import FAULTS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator, derive_seed
from musqa_pipeline.learning.baselines.few_labels import chosen_ridge
from musqa_pipeline.learning.baselines.simple import described
from musqa_pipeline.learning.data.loader import iter_rows
from musqa_pipeline.learning.networks.w2v_mos import unit_variance
from musqa_pipeline.learning.pretraining.folder import read_folder
from musqa_pipeline.learning.pretraining.train import untrained
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.labels.heard import faults_of
from musqa_pipeline.stages.models.pretraining.bodies import Body, body_of, pretraining_settings
from musqa_pipeline.stages.models.trials.networks import images_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS, read_rows

MODEL = "w2v_mos"
SEVERITIES, MOS = "severities", "MOS"
BEFORE, CHANCE = "pre-trained", "random weights"
FEATURES, SHUFFLED = "descriptive features", "pre-trained, labels shuffled"
SEED_KEY = "archive pretraining"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tuning:
    """How a body is fine-tuned: as many updates whatever the number of rows."""

    updates: int = 200
    batch_size: int = 4
    body_learning_rate: float = 1e-4
    """Ten times paper 004's, as is the other: the body has a hundredth of its parameters."""
    learning_rate: float = 1e-3


class Bodies:
    """The rows of a preset with carriers, and its bodies of wav2vec 2.0 by seed."""

    def __init__(self, context: Context, tuning: Tuning = Tuning()) -> None:
        self.context, self.tuning = context, tuning
        self.settings = pretraining_settings(context.preset)
        if self.settings.transductive:
            raise StageError(
                "[pretraining] transductive = true: bodies have heard the test recordings; set it "
                "to false"
            )
        self.recipe = self.settings.recipe_of("wav2vec2")
        self.seeds = range(self.settings.n_seeds)
        self._answers = KeptAnswers(context.home, "archive-pretraining")

    @cached_property
    def learned(self) -> list[Body]:
        """Return the bodies that learned before, by seed; StageError if one is not there."""
        made = [body_of(self.context, MODEL, repetition=seed) for seed in self.seeds]
        return [body for body in made if body]

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Return the rows with faults, or that could have had some, and what is known of each."""
        labelled = read_labelled_rows(self.context).select(*KEYS, "first_params", "kind")
        rows = read_rows(self.context).join(labelled, on=KEYS, how="inner").sort(KEYS)
        if not (rows["kind"] == "carrier").any():
            raise StageError(
                "no chain of a carrier is in the dataset; run a preset with [degradations] "
                "n_carrier"
            )
        if not (rows["part"] == "test").any():
            raise StageError(
                "no recording is of the test part; take a [dataset] protocol that has one"
            )
        return rows

    @cached_property
    def severities(self) -> Floats:
        """Return the intensity of each fault in each row, 0 where it has none, (rows, faults)."""
        faults = [faults_of(params) for params in self.rows["first_params"]]
        return np.array([[one.get(name, 0.0) for name in FAULTS] for one in faults])

    @cached_property
    def whose(self) -> NDArray[np.str_]:
        """Return the recording of each row."""
        return (self.rows["catalog"] + "/" + self.rows["recording"]).to_numpy().astype(str)

    @cached_property
    def is_test(self) -> NDArray[np.bool_]:
        """Tell which rows are of test recordings."""
        return (self.rows["part"] == "test").to_numpy()

    @cached_property
    def waveforms(self) -> Tensor:
        """Return what is heard, (rows, samples), of unit variance."""
        found = {}
        for batch in iter_rows(images_of(self.context, MODEL, self.rows)):
            for key, one in zip(
                zip(batch.catalogs, batch.degraded_ids, strict=True), batch.images, strict=True
            ):
                found[key] = one.flatten()
        return unit_variance(torch.stack([found[key] for key in self.rows.select(KEYS).rows()]))

    def known(self, target: str) -> tuple[Floats, NDArray[np.bool_]]:
        """Return what is asked of each row, (rows, what), and of which rows it is known."""
        if target == SEVERITIES:
            return self.severities / 100, np.ones(self.rows.height, bool)
        quality = self.rows["label"].to_numpy()[:, None] / POINTS
        return quality, self.rows["trusted"].to_numpy() & np.isfinite(quality[:, 0])

    def labelled(self, target: str, count: int | None, seed: int) -> NDArray[np.intp]:
        """Return the rows whose labels are met, drawn by seed; fewer are always among more."""
        _, is_known = self.known(target)
        free = np.flatnonzero(is_known & ~self.is_test)
        if count is not None and count > len(free):
            raise StageError(
                f"{len(free)} rows have {target} and are of no test recording, {count} are asked "
                "for; add music"
            )
        drawn = derive_generator(SEED_KEY, target, seed).permutation(free)
        return np.sort(drawn[:count])

    def asked(self, target: str) -> NDArray[np.intp]:
        """Return the rows of test recordings of which it is known."""
        return np.flatnonzero(self.known(target)[1] & self.is_test)

    def body(self, kind: str, seed: int) -> nn.Module:
        """Return a body of a seed: as it has learned, or as that learning began."""
        if kind == CHANCE:
            return untrained(self.recipe, seed).wav2vec2
        folder = self.learned[seed].folder
        assert folder
        return read_folder(folder)

    def described(self, kind: str, seed: int) -> Floats:
        """Return the mean over time of the last block, (rows, width); or descriptive features."""
        if kind == FEATURES:
            return np.asarray(described(self.rows), dtype=np.float64)

        def make() -> Arrays:
            tell(f"{kind}, seed {seed}: {self.rows.height} rows")
            body = self.body(kind, seed).eval()
            with torch.inference_mode():
                parts = [pooled(body, some) for some in self.waveforms.split(8)]
            return {"described": torch.cat(parts).numpy()}

        return self._kept("described", seed, [kind], make)["described"].astype(np.float64)

    def frozen(self, kind: str, target: str, count: int | None, seed: int) -> Floats:
        """Return what a ridge says of the asked rows, (asked, what)."""
        rows, known = self.labelled(target, count, seed), self.known(target)[0]
        features = self.described(BEFORE if kind == SHUFFLED else kind, seed)
        labels = known[rows]
        if kind == SHUFFLED:
            labels = derive_generator(SEED_KEY, SHUFFLED, seed).permutation(labels)
        _, recording = np.unique(self.whose[rows], return_inverse=True)
        asked = features[self.asked(target)]
        return np.stack(
            [chosen_ridge(features[rows], y, recording).predict(asked) for y in labels.T], axis=1
        )

    def tuned(self, kind: str, target: str, count: int | None, seed: int) -> Floats:
        """Return what a fine-tuned body says of the asked rows, (asked, what)."""

        def make() -> Arrays:
            rows, known = self.labelled(target, count, seed), self.known(target)[0]
            tell(f"fine-tuning: {target}, {len(rows)} rows, {kind}, seed {seed}")
            network = tune(
                self.body(kind, seed), self.waveforms[rows], torch.from_numpy(known[rows]).float(),
                self.tuning, seed,
            )  # fmt: skip
            with torch.inference_mode():
                parts = [network(some) for some in self.waveforms[self.asked(target)].split(8)]
            return {"said": torch.cat(parts).numpy()}

        about = [kind, target, count, asdict(self.tuning)]
        return self._kept("tuned", seed, about, make)["said"].astype(np.float64)

    def _kept(self, what: str, seed: int, about: list, make: Callable[[], Arrays]) -> Arrays:
        data = [self.context.fingerprints[name] for name in ("dataset", "waveforms")]
        about = [seed, *about, *data, self.learned[seed].identity]
        return self._answers.kept(what, about, make)


class Tuned(nn.Module):
    """A body, the mean over time and a linear layer: (n, samples) to (n, what)."""

    def __init__(self, body: nn.Module, n_out: int) -> None:
        super().__init__()
        self.body = body
        self.output = nn.Linear(body.config.hidden_size, n_out)

    def forward(self, samples_ns: Tensor) -> Tensor:
        """Answer."""
        said: Tensor = self.output(pooled(self.body, samples_ns))
        return said


def pooled(body: nn.Module, samples_ns: Tensor) -> Tensor:
    """Return the mean over time of the last block, (n, width)."""
    frames: Tensor = body(samples_ns).last_hidden_state
    return frames.mean(dim=1)


def tune(
    body: nn.Module, samples_ns: Tensor, labels_nw: Tensor, tuning: Tuning, seed: int
) -> nn.Module:
    """Train all of a body and a linear layer, which begins at the labels' mean, by square error."""
    torch.manual_seed(derive_seed(SEED_KEY, "tune", seed))
    network = Tuned(body, labels_nw.shape[1]).train()
    nn.init.zeros_(network.output.weight)
    with torch.no_grad():
        network.output.bias.copy_(labels_nw.mean(dim=0))
    optimizer = torch.optim.Adam(
        [
            {"params": network.body.parameters(), "lr": tuning.body_learning_rate},
            {"params": network.output.parameters(), "lr": tuning.learning_rate},
        ]
    )
    for rows in batches(len(labels_nw), tuning, seed):
        optimizer.zero_grad()
        functional.mse_loss(network(samples_ns[rows]), labels_nw[rows]).backward()
        optimizer.step()
    return network.eval()


def batches(n_rows: int, tuning: Tuning, seed: int) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each update: all of them in a new order, again and again."""
    rng = derive_generator(SEED_KEY, "batches", seed)
    order = np.empty(0, np.intp)
    for _ in range(tuning.updates):
        while len(order) < tuning.batch_size:
            order = np.concatenate([order, rng.permutation(n_rows)])
        yield order[: tuning.batch_size]
        order = order[tuning.batch_size :]
