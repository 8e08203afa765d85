"""D as one more feature of boosted trees: what it adds to descriptive features, out of fold.

The trees are those of the baseline `boosted`. Splits look at a drawn fifth of the features, so that
any further column moves them: the same scores in another order say by how much. Each answer is the
mean of `N_SEEDS` fits.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from gan_evidence import Evidence, Floats, parts_of
from gan_tables import labelled_or_coded, number, table
from numpy.typing import NDArray

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.baselines.few_labels import few_labels
from musqa_pipeline.learning.baselines.simple import boosted_on
from musqa_pipeline.stages.gan_scores.read import Training
from musqa_pipeline.stages.segments.versions import ORIGINAL
from musqa_pipeline.studies.statistics.bootstrap import Estimate, estimate, paired_difference
from musqa_pipeline.studies.statistics.metrics import rmse

N_SEEDS = 3
"""Fits, each of which looks at other features."""
ALONE, WITH_D = "descriptive features, {}", "descriptive features and D"
SHUFFLED, D_ALONE = "descriptive features and D, shuffled", "D alone"


class SeveralTrees:
    """The mean of several fits on the same rows."""

    def __init__(self, x: Floats, y: Floats, _: NDArray[np.intp]) -> None:
        self._models = [boosted_on(x, y, seed) for seed in range(N_SEEDS)]

    def predict(self, x: Floats, /) -> Floats:
        """Predict rows."""
        return np.mean([model.predict(x) for model in self._models], axis=0)


def mean_score(evidence: Evidence, images: NDArray[np.float32]) -> Floats:
    """Score images as the mean genre, (rows,): a mean over seeds, in deviations of originals."""
    original = (evidence.versions["kind"] == ORIGINAL).to_numpy()
    each = []
    for training in evidence.trainings:
        unmet = training.mean_genre_score[original]
        each.append((_score(evidence, training, images) - unmet.mean()) / unmet.std())
    return np.mean(each, axis=0)


def boosted_table(evidence: Evidence) -> str:
    """Hold trees on descriptive features against the same with D, on the same rows and folds."""
    predicted, found = boosted(evidence)
    first, lines = next(iter(predicted)), []
    for name, values in predicted.items():
        error = estimate(rmse, found["label"], values, found["whose"], "gan")
        line = {"boosted trees on": name, "RMSE": number(error.value, error.low, error.high)}
        gain = _less(found, values, predicted[first])
        less = number(gain.value, gain.low, gain.high)
        lines.append({**line, "less that of the first": "" if name == first else less})
    n = len(np.unique(found["whose"]))
    return table(lines) + f"\n\nOut of fold; {len(found['label'])} rows of {n} recordings."


def boosted_difference(evidence: Evidence) -> float:
    """Return the RMSE of trees that see D too, less that of those which do not."""
    predicted, found = boosted(evidence)
    gain = _less(found, predicted[WITH_D], next(iter(predicted.values())))
    print(f"RMSE with D less without: {number(gain.value, gain.low, gain.high)}")
    return gain.value if gain.value is not None else float("nan")


def boosted(evidence: Evidence) -> tuple[dict[str, Floats], dict[str, NDArray]]:
    """Predict labelled rows by what each set of features says, and return them."""
    found = labelled_or_coded(evidence)
    described = found["described"]
    score = mean_score(evidence, found["image"])[:, None]
    shuffled = derive_generator("gan.boosted").permutation(score)
    sets = {
        ALONE.format(described.shape[1]): described,
        WITH_D: np.hstack([described, score]),
        SHUFFLED: np.hstack([described, shuffled]),
        D_ALONE: score,
    }
    return {
        name: few_labels(features, found["label"], found["whose"], "gan", fit=SeveralTrees)
        for name, features in sets.items()
    }, found


def _score(evidence: Evidence, training: Training, images: NDArray[np.float32]) -> Floats:
    def make() -> dict[str, Floats]:
        return {"score": evidence.critic(training).score_images(parts_of(torch.from_numpy(images)))}

    asked = hashlib.blake2b(images.tobytes(), digest_size=16).hexdigest()
    about = [asked, training.row["training"], evidence.settings.critic]
    return evidence.kept("labelled-scores", about, make)["score"]


def _less(found: dict[str, NDArray], first: Floats, second: Floats) -> Estimate:
    return paired_difference(rmse, found["label"], first, second, found["whose"], "gan")
