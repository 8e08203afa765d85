"""Images that a generator makes, as it grows and at last, beside real ones of the same genres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import torch
from numpy.typing import NDArray

from musqa_pipeline.audio.excerpts.segments import read_segment, segment_frames
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.core.errors import LakeError, UnfitInputError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.pair import Pair, load_pair
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.segments import ImageSpec, is_silent
from musqa_pipeline.learning.training.checkpoint import WEIGHTS_FILE
from musqa_pipeline.learning.training.kept import epoch_of, kept_files
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.evaluation.gan.plots import image_grid, shown_side
from musqa_pipeline.stages.gan_scores.read import Training
from musqa_pipeline.stages.gans.audio import Music, listed_music
from musqa_pipeline.stages.segments.tracks import gan_settings, paths_of
from musqa_pipeline.stages.segments.versions import ORIGINAL, rebuild
from musqa_pipeline.studies.figures import house_style, to_png

N_IMAGES = 3
"""Of either kind and each genre; three times as many where there are fewer than three genres."""


class GrowingImages:
    """Draws what the generator of a training makes by its last checkpoint, beside what it learns.

    Noise is the same at each checkpoint. Nothing that is tested is looked at: real images are of
    tracks of the train part, which have all classes.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._music: Music | None = None
        self._shown: dict[tuple[ImageSpec, int], dict[str, list[NDArray]]] = {}

    def __call__(self, unit: Unit) -> bytes | None:
        """Return the picture; None while no checkpoint is kept."""
        partition = self._context.joint_partition("gans")
        files = kept_files(self._context.lake.local_folder(partition, unit.unit_id))
        if not files:
            return None
        self._music = self._music or listed_music(self._context)
        classes, settings = self._music.classes, gan_settings(self._context.preset)
        recipe = settings.recipe(unit.plan["network"], len(classes))
        n = n_images(classes)
        try:
            pair = load_pair(recipe, files[-1])
        except LakeError:
            if files[-1].exists():
                raise
            return None  # the next checkpoint took its place
        made = _generated(pair, classes, n, unit.plan["seed"])
        real = self._learned(self._music, recipe.images, n)
        step = (epoch_of(files[-1]) + 1) * recipe.checkpoint_steps
        with house_style(unit.unit_id):
            rows = {name: (made[name], real[name]) for name in classes}
            side, words = shown_side(recipe.size, len(classes)), f"generated, step {step:,}"
            return to_png(image_grid(rows, side, words), n_colours=256)

    def _learned(self, music: Music, spec: ImageSpec, n: int) -> dict[str, list[NDArray]]:
        """Make images of the middle of tracks that train, of as many recordings as there are."""
        if (spec, n) not in self._shown:
            found: dict[str, list[NDArray]] = {name: [] for name in music.classes}
            whose = set()
            for track in music.of_part("train"):
                recording = track["catalog"], track["recording"]
                if recording in whose or len(found[track["genre"]]) == n:
                    continue
                image = _image_of_middle(track, spec)
                if image is not None:
                    whose.add(recording)
                    found[track["genre"]].append(image)
            self._shown[spec, n] = found
        return self._shown[spec, n]


def images_by_genre(
    context: Context, training: Training, recipe: GanRecipe, versions: pl.DataFrame
) -> dict[str, tuple[list[NDArray], list[NDArray]]]:
    """Generate images of each class and make those of originals, each (size, size).

    A track that is gone shows no image.
    """
    classes = training.row["classes"]
    folder = context.lake.local_folder(context.joint_partition("gans"), training.row["training"])
    n = n_images(classes)
    pair = load_pair(recipe, folder / WEIGHTS_FILE)
    made, paths = _generated(pair, classes, n, training.row["seed"]), paths_of(context)
    return {
        name: (made[name], _real(paths, recipe, versions.filter(kind=ORIGINAL, genre=name), n))
        for name in classes
    }


def n_images(classes: Sequence[str]) -> int:
    """Return how many images of either kind each of so many classes has."""
    return N_IMAGES if len(classes) > 2 else 3 * N_IMAGES


def _generated(pair: Pair, classes: Sequence[str], n: int, seed: int) -> dict[str, list[NDArray]]:
    chance = torch.Generator().manual_seed(derive_seed("gan.page", seed))
    genres = torch.arange(len(classes)).repeat_interleave(n)
    made = pair.sample(genres, chance).squeeze(1).numpy()
    return {name: list(made[at * n : (at + 1) * n]) for at, name in enumerate(classes)}


def _image_of_middle(track: Mapping[str, Any], spec: ImageSpec) -> NDArray | None:
    """Make the image of the middle of a track; None if it is gone, silent or cannot be read."""
    rate_hz = track["sample_rate_hz"]
    start_frame = (round(track["duration_s"] * rate_hz) - segment_frames(rate_hz)) // 2
    if track["path"] is None or start_frame < 0:
        return None
    try:
        samples = read_segment(Path(track["path"]), start_frame=start_frame, sample_rate_hz=rate_hz)
    except UnfitInputError:
        return None
    pcm = pcm_at_rate(samples, spec.sample_rate_hz)
    return None if is_silent(pcm) else images_of(torch.from_numpy(pcm)[None], spec)[0, 0].numpy()


def _real(
    paths: Mapping[tuple[str, str], str | None], recipe: GanRecipe, originals: pl.DataFrame, n: int
) -> list[NDArray]:
    """Make images of originals, of as many recordings as there are."""
    found = []
    for row in originals.unique("whose", keep="first", maintain_order=True).head(n).to_dicts():
        path = paths.get((row["catalog"], row["track_id"]))
        if path is None or not Path(path).is_file():
            continue
        pcm = pcm_at_rate(rebuild(Path(path), row), recipe.images.sample_rate_hz)
        found.append(images_of(torch.from_numpy(pcm)[None], recipe.images)[0, 0].numpy())
    return found
