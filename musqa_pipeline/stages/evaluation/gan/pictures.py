"""Images that a generator makes, beside real ones of the same genres."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import torch
from numpy.typing import NDArray

from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.pair import load_pair
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.segments import pcm_at_rate
from musqa_pipeline.learning.training.checkpoint import WEIGHTS_FILE
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.gan_scores.read import Training
from musqa_pipeline.stages.segments.tracks import paths_of
from musqa_pipeline.stages.segments.versions import ORIGINAL, rebuild

N_IMAGES = 3
"""Of either kind and each genre; three times as many where there are fewer than three genres."""


def images_by_genre(
    context: Context, training: Training, recipe: GanRecipe, versions: pl.DataFrame
) -> dict[str, tuple[list[NDArray], list[NDArray]]]:
    """Generate images of each class and make those of originals, each (size, size).

    A track that is gone shows no image.
    """
    classes = training.row["classes"]
    folder = context.lake.local_folder(context.joint_partition("gans"), training.row["training"])
    pair = load_pair(recipe, folder / WEIGHTS_FILE)
    chance = torch.Generator().manual_seed(derive_seed("gan.page", training.row["seed"]))
    n = N_IMAGES if len(classes) > 2 else 3 * N_IMAGES
    genres = torch.arange(len(classes)).repeat_interleave(n)
    made = pair.sample(genres, chance).squeeze(1).numpy()
    paths = paths_of(context)
    return {
        name: (
            list(made[number * n : (number + 1) * n]),
            _real(paths, recipe, versions.filter(kind=ORIGINAL, genre=name), n),
        )
        for number, name in enumerate(classes)
    }


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
