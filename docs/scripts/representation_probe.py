"""What latents of autoencoders say of quality: a ridge on them, where few recordings are labelled.

`N_ROWS` degraded excerpts of each reference are encoded as mel images in their own range, since a
listener without a reference has no other. A ridge predicts each recording from labels of others;
beside the encoders stand descriptive features, bands, linear components of squares of the image,
and encoders that were never trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import polars as pl
import torch
from gan_tables import number, table
from kept_answers import Arrays, tell
from numpy.typing import ArrayLike, NDArray
from representation_evidence import Evidence

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.core.errors import StageError, UnfitInputError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.autoencoders.latents import latents_of, pooled
from musqa_pipeline.learning.autoencoders.networks import Autoencoder
from musqa_pipeline.learning.baselines.few_labels import few_labels, most_labelled
from musqa_pipeline.learning.baselines.simple import described
from musqa_pipeline.learning.classification.features import SquareComponents, band_features
from musqa_pipeline.stages.autoencoders.music import representations
from musqa_pipeline.stages.degradations.sources import add_units, read_bitstreams
from musqa_pipeline.stages.reconstructions.stage import finished_runs, folder_of, network_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS, read_rows
from musqa_pipeline.studies.statistics.bootstrap import Estimate, estimate, paired_difference
from musqa_pipeline.studies.statistics.metrics import pearson, rmse

N_ROWS = 10
"""Drawn from those of a reference."""
N_REFERENCES_FITTED = 64
"""References whose first drawn row the linear components are found on."""
LABELLED = (5, 10, 20, None)
"""Recordings whose labels are known; None for all that lie outside a fold."""
FEW = 20
DESCRIBED, BANDS, SQUARES = "descriptive features", "mean and SD of the bands", "linear components"
UNTRAINED, UNROUNDED = "untrained", "untrained, not rounded"
Floats = NDArray[np.float64]
Statistic = Callable[[ArrayLike, ArrayLike], float | None]


def encoders(evidence: Evidence) -> dict[str, Autoencoder]:
    """Open what is asked, each trained one after equally many steps: by loss, inputs and seed."""
    runs = finished_runs(evidence.context)
    if not runs:
        raise StageError("no autoencoder is trained yet; run the preset first")
    step, found = min(run["steps"] for run in runs), {}
    for run in runs:
        folder, seed = folder_of(evidence.context, run), run["seed"]
        found[f"{run['loss']} on {run['inputs']} noise/{seed}"] = network_of(folder, run, step)
        found.setdefault(f"{UNTRAINED}/{seed}", network_of(folder, run, 0))
    return found


def drawn_rows(evidence: Evidence) -> pl.DataFrame:
    """Draw the rows of each reference."""
    rows = read_rows(evidence.context).sort(KEYS)
    lot = derive_generator("representations.probe").permutation(rows.height)
    first = pl.col("lot").rank("ordinal").over("catalog", "excerpt_id") <= N_ROWS
    return rows.with_columns(lot=pl.Series(lot)).filter(first).sort("catalog", "excerpt_id", "lot")


def images_of(
    evidence: Evidence, rows: pl.DataFrame
) -> Iterator[tuple[tuple[str, str], torch.Tensor]]:
    """Make the image of each row, in its own range; a row that is silent has none."""
    asked = rows.select(*KEYS, "excerpt_id").to_dicts()
    add_units(evidence.context, asked)
    read = list(read_bitstreams(evidence.context, asked))
    for (key, _), samples in zip(read, degraded_audio(row for _, row in read), strict=True):
        try:
            yield key, PairImages(samples).reference
        except UnfitInputError as error:
            tell(f"{key} is left out: {error}")


def linear_components(evidence: Evidence, rows: pl.DataFrame) -> SquareComponents:
    """Find linear components on images of some references, without looking at labels."""
    first = rows.unique(["catalog", "excerpt_id"], keep="first", maintain_order=True)
    lot = derive_generator("representations.probe.squares").permutation(first.height)
    some = first[np.sort(lot[:N_REFERENCES_FITTED])]
    images = torch.cat([image for _, image in images_of(evidence, some)])
    n_latents = representations(evidence.context.preset).n_latents
    return SquareComponents(images, n_latents, "representations")


def probed(evidence: Evidence) -> Arrays:
    """Describe the rows by all: ``label``, ``whose``, and features by name and seed."""
    context, networks, rows = evidence.context, encoders(evidence), drawn_rows(evidence)
    fingerprints = [context.fingerprints[name] for name in ("features", "autoencoders")]
    about = [*fingerprints, N_ROWS, N_REFERENCES_FITTED, sorted(networks)]
    squares: list[SquareComponents] = []
    parts = []
    groups = rows.partition_by("catalog", "excerpt_id", maintain_order=True)
    for done, group in enumerate(groups):

        def make(group: pl.DataFrame = group, done: int = done) -> Arrays:
            if not squares:
                squares.append(linear_components(evidence, rows))
            tell(f"probe: reference {done + 1} of {len(groups)}")
            return _described_by_all(evidence, group, networks, squares[0])

        parts.append(evidence.kept("probe", [*about, *group.select(KEYS).rows()], make))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _described_by_all(
    evidence: Evidence,
    rows: pl.DataFrame,
    networks: Mapping[str, Autoencoder],
    squares: SquareComponents,
) -> Arrays:
    images = dict(images_of(evidence, rows))
    there = rows.filter([key in images for key in rows.select(KEYS).rows()])
    image_n1ft = torch.cat([images[key] for key in there.select(KEYS).rows()])
    found = {
        "label": there["label"].to_numpy(),
        "whose": (there["catalog"] + "/" + there["recording"]).to_numpy().astype(str),
        DESCRIBED: described(there),
        BANDS: band_features(image_n1ft),
        SQUARES: pooled(squares.encode(image_n1ft)).numpy(),
    }
    with torch.inference_mode():
        for name, network in networks.items():
            found[name] = pooled(latents_of(network, image_n1ft)).numpy()
            kind, _, seed = name.rpartition("/")
            if kind == UNTRAINED:
                latents = latents_of(network, image_n1ft, rounded=False)
                found[f"{UNROUNDED}/{seed}"] = pooled(latents).numpy()
    return {
        name: values.astype(np.float32) if values.ndim > 1 else values
        for name, values in found.items()
    }


def by_kind(names: Sequence[str]) -> dict[str, list[str]]:
    """Gather features by what they are, with the seeds of each."""
    kinds: dict[str, list[str]] = {}
    for name in names:
        if name not in ("label", "whose"):
            kinds.setdefault(name.rpartition("/")[0] or name, []).append(name)
    return kinds


def is_trained(kind: str) -> bool:
    """Tell encoders that learned something from what they stand beside."""
    return kind not in (DESCRIBED, BANDS, SQUARES, UNTRAINED, UNROUNDED)


class Ridges:
    """Predictions of rows that `probed` describes, each made once."""

    def __init__(self, found: Arrays) -> None:
        self.label, self.whose = found["label"], found["whose"]
        self.kinds = by_kind(list(found))
        self._found, self._made = found, dict[tuple[str, int | None], Floats]()

    def predicted(self, kind: str, n_labelled: int | None) -> Floats:
        """Predict all rows from the features of each seed, shape (seeds, rows), in 0 to 100 points.

        What hardly varied in few labelled recordings takes a ridge far beyond that elsewhere.
        """
        if (kind, n_labelled) not in self._made:
            predicted = np.stack(
                [
                    few_labels(
                        *(self._found[name], self.label, self.whose, "representations"),
                        n_labelled=n_labelled,
                    )
                    for name in self.kinds[kind]
                ]
            )
            self._made[kind, n_labelled] = predicted.clip(0, POINTS)
        return self._made[kind, n_labelled]

    def estimate(self, statistic: Statistic, kind: str, n_labelled: int | None) -> Estimate:
        """Compute a statistic over the rows of all seeds together."""
        predicted = self.predicted(kind, n_labelled)
        label, whose = (np.tile(each, len(predicted)) for each in (self.label, self.whose))
        about = (label, predicted.ravel(), whose, "representations")
        return estimate(statistic, *about, n_draws=500)

    def gain(self, n_labelled: int | None) -> Estimate:
        """Compare the error of the best encoder with that of descriptive features."""
        trained = filter(is_trained, self.kinds)
        predicted = {kind: self.predicted(kind, n_labelled) for kind in trained}
        ours = chosen_elsewhere(predicted, self.label, self.whose)
        theirs = np.broadcast_to(self.predicted(DESCRIBED, n_labelled), ours.shape)
        label, whose = (np.tile(each, len(ours)) for each in (self.label, self.whose))
        return paired_difference(
            rmse, label, ours.ravel(), theirs.ravel(), whose, "representations"
        )


def chosen_elsewhere(
    predicted: Mapping[str, Floats], label: Floats, whose: NDArray[np.str_]
) -> Floats:
    """Predict each recording by the kind of encoder that errs least on all others."""
    kinds = list(predicted)
    square = np.stack([np.square(predicted[kind] - label).mean(axis=0) for kind in kinds])
    best = np.empty_like(predicted[kinds[0]])
    for name in np.unique(whose):
        own = whose == name
        least = kinds[int(np.argmin(square[:, ~own].mean(axis=1)))]
        best[:, own] = predicted[least][:, own]
    return best


def quality_probe_gain(evidence: Evidence) -> float:
    """Say by how many points the best encoder errs more than descriptive features do."""
    apart = Ridges(probed(evidence)).gain(FEW)
    print(f"RMSE, {FEW} recordings labelled: {number(apart.value, apart.low, apart.high)}")
    assert apart.value is not None
    return apart.value


def probe_table(evidence: Evidence) -> str:
    """Lay out error and correlation of each description over the number of labelled recordings."""
    found = probed(evidence)
    ridges, n_recordings = Ridges(found), len(np.unique(found["whose"]))
    shown = [n for n in LABELLED if n is None or n <= most_labelled(n_recordings)]
    lines = []
    for kind, names in ridges.kinds.items():
        line: dict[str, object] = {"ridge on": f"{kind}, {found[names[0]].shape[1]}"}
        for title, statistic, digits in (("RMSE", rmse, 1), ("r", pearson, 2)):
            for n in shown:
                one = ridges.estimate(statistic, kind, n)
                line[f"{title}, {n or 'all'}"] = number(one.value, one.low, one.high, digits)
        lines.append(line)
    apart = [(n, ridges.gain(n)) for n in shown]
    words = "; ".join(
        f"{n or 'all'} labelled {number(one.value, one.low, one.high, 1)}" for n, one in apart
    )
    return table(lines) + (
        f"\n\n{len(ridges.label)} rows of {n_recordings} recordings, whose labels deviate by "
        f"{np.std(ridges.label):.1f} points. RMSE of the encoder that is best on all other "
        f"recordings, less that of {DESCRIBED}: {words}."
    )


FIGURES = {"quality_probe_gain": quality_probe_gain}
TABLES = {"Quality from few labels": probe_table}
