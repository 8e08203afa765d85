"""The stage `genres`: a unit per kind of clips, a row per classifier (paper 003, section 3).

A unit's id says which clips and trainings it is of. Images and distances are kept beside the units
by what they are of, so that one more training computes them no second time, nor does a kill.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.classification.rounds import Round, folds, one_round
from musqa_pipeline.stages.autoencoders.music import representations
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.genres.clips import Images, images_of, listed_clips
from musqa_pipeline.stages.genres.table import GENRES
from musqa_pipeline.stages.models.training import tell
from musqa_pipeline.stages.reconstructions.stage import finished_runs, folder_of, network_of
from musqa_pipeline.studies.statistics.bootstrap import estimate
from musqa_pipeline.studies.statistics.classes import weighted_f1

N_QUANTILES = 101
MOST_FITTED = 96
"""Images on whose squares components are found."""
ENCODED_AT_ONCE = 8
NO_LATENTS = {"training": "", "loss": "none", "inputs": "nothing", "seed": 0, "rounded": False}
_FOUND = {"pooling": "none", "hub_skewness": None, "tied_share": None, "quantiles_json": "{}"}


def list_units(context: Context) -> list[Unit]:
    """List the kinds of clips that the preset asks for.

    Raises StageError if there is no GTZAN, or too few recordings have a genre.
    """
    settings = representations(context.preset)
    if not settings.genres:
        return []
    runs = finished_runs(context) if settings.losses else []
    units = []
    for kind in settings.genres:
        clips = listed_clips(context, kind, settings)
        of = digest([[clip["clip"], clip["content"]] for clip in clips])[:8]
        by = digest([run["training"] for run in runs])[:8]
        plan = {"kind": kind, "clips": clips, "runs": runs, "folder": f"{kind}-{of}"}
        units.append(Unit(f"{kind}-{of}-{by}", f"genres of {kind}", plan))
    return units


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Tell genres of one kind of clips in every way.

    Raises StageError if a genre has fewer than two recordings in a part.
    """
    import torch

    plan = unit.plan
    tell()
    partition = context.joint_partition("genres")
    with context.lake.work_folder(partition, plan["folder"]) as work, torch.inference_mode():

        def after() -> None:
            work.put()
            tell()

        images = images_of(context, plan["kind"], plan["clips"], work.path, after)
        if images.left_out:
            tell(f"genres: {', '.join(images.left_out)} cannot be read, and are left out")
        told = _Told(plan["kind"], images)
        rows = [*_by_distance(told, work.path, after), *_without_latents(told, context)]
        for run in plan["runs"]:
            rows += _by_latents(context, told, run, trained=True)
            tell()
        seeds = {run["seed"]: run for run in reversed(plan["runs"])}
        for seed in sorted(seeds):
            rows += _by_latents(context, told, seeds[seed], trained=False)
            tell()
    return GENRES.from_rows(rows)


class _Told:
    """Clips with their classes and rounds, and what is said of predictions."""

    def __init__(self, kind: str, images: Images) -> None:
        self.kind, self.images, self.cells = kind, images, images.cells
        self.genres = sorted({clip["genre"] for clip in images.clips})
        self.label = np.array([self.genres.index(clip["genre"]) for clip in images.clips])
        self.recording = [clip["recording"] for clip in images.clips]
        part = [clip["part"] for clip in images.clips]
        self.rounds: list[Round] = (
            one_round(part, self.label, self.recording, self.genres)
            if all(part)
            else folds(self.label, self.recording, self.genres, "genres")
        )

    def row(self, classifier: str, of: str, classified: Any, **found: Any) -> dict[str, Any]:
        """Return a row of the table."""
        tested = np.flatnonzero(classified.predicted >= 0)
        true, predicted = self.label[tested], classified.predicted[tested]
        recording = [self.recording[row] for row in tested]
        f1 = estimate(weighted_f1, true, predicted, recording, "genres")
        return {
            "clips": self.kind,
            "classifier": classifier,
            "of": of,
            **_FOUND,
            **NO_LATENTS,
            **found,
            "n_train": len(self.rounds[0].train),
            "n_validation": len(self.rounds[0].validation),
            "n_tested": len(tested),
            "n_rounds": len(self.rounds),
            "f1": f1.value,
            "low": f1.low,
            "high": f1.high,
            "chosen": list(classified.chosen),
            "curve": list(classified.curve),
            "genres": self.genres,
            "names": [self.images.clips[row]["clip"] for row in tested],
            "recordings": recording,
            "labels": true.tolist(),
            "predicted": predicted.tolist(),
            "left_out": self.images.left_out,
        }


def _by_distance(told: _Told, folder: Any, after: Any) -> Iterator[dict[str, Any]]:
    from musqa_pipeline.learning.classification.distances import METRICS, all_distances
    from musqa_pipeline.learning.classification.neighbours import (
        hub_skewness,
        nearest_neighbours,
        tied_share,
    )

    for metric in METRICS:
        distance = all_distances(told.cells, metric, folder=folder, after_row=after)
        classified = nearest_neighbours(distance, told.label, told.rounds)
        yield told.row(
            "neighbours",
            metric,
            classified,
            hub_skewness=hub_skewness(distance),
            tied_share=tied_share(distance),
            quantiles_json=json.dumps(quantiles_of(distance, told.label, told.genres)),
        )


def quantiles_of(
    distance: NDArray[np.float64], label: NDArray[np.int64], genres: list[str]
) -> dict[str, list[float]]:
    """Return quantiles of distances of all pairs, and of pairs within each genre."""
    groups = {"all": np.arange(len(label))}
    groups |= {name: np.flatnonzero(label == number) for number, name in enumerate(genres)}
    levels = np.linspace(0, 1, N_QUANTILES)
    found = {}
    for name, rows in groups.items():
        pairs = distance[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)]
        found[name] = [round(float(value), 6) for value in np.quantile(pairs, levels)]
    return found


def _without_latents(told: _Told, context: Context) -> Iterator[dict[str, Any]]:
    """Baselines: guesses, bands, and linear components of squares, as many as an encoder has."""
    import torch

    from musqa_pipeline.learning.autoencoders.latents import flat, pooled
    from musqa_pipeline.learning.classification.distances import as_tensor
    from musqa_pipeline.learning.classification.features import SquareComponents, band_features
    from musqa_pipeline.learning.classification.probes import guesses, logistic_regression

    yield told.row("dummy", "nothing", guesses(told.label, told.rounds, seed=0))
    bands = np.concatenate([band_features(as_tensor(part)) for part in _batches(told.cells)])
    yield told.row("logistic", "bands", logistic_regression(bands, told.label, told.rounds))
    rows = told.rounds[0].train
    rows = rows[:: max(1, -(-len(rows) // MOST_FITTED))]
    settings = representations(context.preset)
    components = SquareComponents(as_tensor(told.cells[rows]), settings.n_latents, "genres")
    latents = torch.cat(
        [components.encode(as_tensor(part)).float() for part in _batches(told.cells)]
    )
    for pooling, features in (("pooled", pooled(latents)), ("flat", flat(latents))):
        classified = logistic_regression(features.numpy(), told.label, told.rounds)
        yield told.row("logistic", "squares", classified, pooling=pooling)


def _by_latents(
    context: Context, told: _Told, run: Mapping[str, Any], *, trained: bool
) -> Iterator[dict[str, Any]]:
    """Probe an encoder; an untrained one also before it rounds, as it rounds nearly all to 0."""
    import torch

    from musqa_pipeline.learning.autoencoders.latents import flat, latents_of, pooled
    from musqa_pipeline.learning.classification.distances import as_tensor
    from musqa_pipeline.learning.classification.probes import logistic_regression

    network = network_of(folder_of(context, run), run, run["steps"] if trained else 0)
    about = {name: run[name] for name in ("training", "loss", "inputs", "seed")}
    if not trained:
        about = {"loss": "untrained", "inputs": "nothing", "seed": run["seed"]}
    for rounded in (True,) if trained else (True, False):
        latents = torch.cat(
            [latents_of(network, as_tensor(part), rounded=rounded) for part in _batches(told.cells)]
        )
        for pooling, features in (("pooled", pooled(latents)), ("flat", flat(latents))):
            classified = logistic_regression(features.numpy(), told.label, told.rounds)
            yield told.row(
                "logistic", "latents", classified, pooling=pooling, rounded=rounded, **about
            )


def _batches(cells: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for first in range(0, len(cells), ENCODED_AT_ONCE):
        yield cells[first : first + ENCODED_AT_ONCE]


GENRES_MAKER = Maker(
    version=1,
    tools=("torch", "numpy", "scipy", "numba", "scikit-learn", "soxr"),
    units=list_units,
    make=make_unit,
)
