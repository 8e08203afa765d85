"""Music beside what autoencoders make of it: for the page, and while they train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.learning.autoencoders.measures import measure
from musqa_pipeline.learning.autoencoders.reconstruction import reconstruct
from musqa_pipeline.learning.autoencoders.train import load_autoencoder
from musqa_pipeline.learning.training.kept import kept_files
from musqa_pipeline.stages.autoencoders.music import images_of
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.evaluation.representations.plots import (
    INPUT_WORDS,
    LOSS_WORDS,
    growing,
)
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.reconstructions.stage import folder_of, network_of, stops_of
from musqa_pipeline.studies.figures import house_style, to_png

MOST_SHOWN = 7
"""Checkpoints in the picture of a training."""


class GrowingPicture:
    """Draws what the checkpoints of a training so far make of its first unmet excerpt.

    Shown are the first, second, fourth and so on, and the last.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made: dict[Path, tuple[int, float, NDArray]] = {}

    def __call__(self, unit: Unit) -> bytes | None:
        """Return the picture; None before the first checkpoint, or where nothing is unmet."""
        partition = self._context.joint_partition("autoencoders")
        files = kept_files(self._context.lake.local_folder(partition, unit.unit_id))
        unmet = images_of(self._context, unit.plan["unmet"][:1])
        if unmet is None or not files:
            return None
        shown = [k for k in range(len(files)) if not k & (k + 1) or k == len(files) - 1]
        made = [self._reconstructed(files[k], k, unmet) for k in shown[-MOST_SHOWN:]]
        with house_style(unit.unit_id):
            return to_png(growing(unmet[0], made), n_colours=256)

    def _reconstructed(self, file: Path, number: int, unmet: NDArray) -> tuple[int, float, NDArray]:
        if file not in self._made:
            original, network = torch.from_numpy(unmet)[:, None], load_autoencoder(file)
            image = reconstruct(network, original)
            psnr_db = float(measure(original, image).psnr_db)
            step = (number + 1) * network.recipe.checkpoint_steps
            self._made[file] = step, psnr_db, image[0, 0].numpy()
        return self._made[file]


def beside_each_other(
    context: Context, runs: Sequence[Mapping[str, Any]], excerpt: Mapping[str, Any]
) -> list[tuple[str, NDArray]]:
    """Make images of an excerpt, and of its reconstructions by the first seed after equal steps."""
    samples = read_reference(context, excerpt["excerpt_id"], excerpt["catalog"])
    original = PairImages(samples).reference
    images = [("original", original[0, 0].numpy())]
    first = min(run["seed"] for run in runs)
    for asked in stops_of([dict(run) for run in runs], excerpt["part"]):
        if asked["seed"] != first or asked["stop"] not in {"equal", "untrained"}:
            continue
        made = reconstruct(
            network_of(folder_of(context, asked["run"]), asked["run"], asked["step"]), original
        )
        words = LOSS_WORDS[asked["loss"]]
        if asked["inputs"] in INPUT_WORDS:
            words += f", {INPUT_WORDS[asked['inputs']]}"
        images.append((words, made[0, 0].numpy()))
    return images
