"""What tables on GANs need beside the lake, asked once and kept in ``cache/gan-results``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from gan_sounds import Measures, image_of
from kept_answers import Arrays, KeptAnswers, tell
from numpy.typing import NDArray
from torch import nn

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.gan.critic import (
    Critic,
    critic_of_checkpoints,
    critic_of_run,
    kept_files,
    untrained_critic,
)
from musqa_pipeline.learning.gan.frechet import describe
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.networks import SelfAttention
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.segments import ImageSpec
from musqa_pipeline.learning.gan.tracks import SegmentBatches
from musqa_pipeline.scoring.model_file import SHIPPED_DIGEST
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.gan.falls import falls_of
from musqa_pipeline.stages.gan_scores.read import Training, cells_of, read_trainings, read_versions
from musqa_pipeline.stages.gans.audio import listed_music, written_tracks
from musqa_pipeline.stages.segments.tracks import gan_settings, paths_of
from musqa_pipeline.stages.segments.versions import ORIGINAL, rebuild

Floats = NDArray[np.float64]
N_NULL = 300
"""Untrained discriminators."""
_NULL_AT_ONCE = 25
_IMAGES_AT_ONCE = 24
_FAST = torch.channels_last
"""Layout in which a CPU convolves twice as fast."""
N_CLOUD = 768
"""Segments of the training tracks from which features are distant."""


class Evidence:
    """A preset's segments, and one of its networks with its trainings."""

    def __init__(self, context: Context, network: str | None = None) -> None:
        self._answers = KeptAnswers(context.home, "gan-results")
        self.context, self.settings = context, gan_settings(context.preset)
        self.network = network or next(iter(self.settings.networks), "")
        self.versions = read_versions(context)
        self.versions_digest = digest(self.versions.select("version_id", "pcm_hash").rows())

    @functools.cached_property
    def trainings(self) -> list[Training]:
        """The finished trainings of the network."""
        every = read_trainings(self.context, self.versions)
        found = [one for one in every if one.row["network"] == self.network]
        if not found:
            known = ", ".join(sorted({one.row["network"] for one in every}))
            raise SettingsError(f"--network {self.network}: expected one that is trained ({known})")
        return found

    @functools.cached_property
    def recipe(self) -> GanRecipe:
        """What made the network."""
        return self.settings.recipe(self.network, len(self.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of genres, in the order of their numbers."""
        return tuple(self.trainings[0].row["classes"])

    @functools.cached_property
    def scores(self) -> Floats:
        """Shape (trainings, versions)."""
        return np.stack([one.score for one in self.trainings])

    def measures(self) -> Arrays:
        """Measure each version without a label: see `Measures`."""

        def make() -> Arrays:
            measures = Measures(self.cloud())
            found = [measures.of(samples) for samples in self.sounds("versions measured")]
            return {name: np.array([one[name] for one in found]) for name in found[0]}

        about = [self.versions_digest, self.music, N_CLOUD, SHIPPED_DIGEST]
        return self.kept("measures", about, make)

    def images(self) -> torch.Tensor:
        """Make the image of each version as the network sees it, (versions, 1, size, size)."""
        spec = self.recipe.images

        def make() -> Arrays:
            found = (image_of(one, spec) for one in self.sounds("images made"))
            return {"images": np.stack(list(found))}

        about = [self.versions_digest, repr(spec)]
        return torch.from_numpy(self.kept("images", about, make)["images"])

    def cloud(self) -> Floats:
        """Describe segments of the training tracks, shape (`N_CLOUD`, 64)."""
        batches = SegmentBatches(
            self.tracks("train", ImageSpec()), _IMAGES_AT_ONCE, N_CLOUD // _IMAGES_AT_ONCE, 0
        )
        parts = (images_of(torch.from_numpy(pcm), ImageSpec()) for pcm, _ in batches())
        return np.concatenate([describe(part.squeeze(1).numpy()) for part in parts])

    def null(self) -> Floats:
        """Let untrained discriminators score originals and ladders, (`N_NULL`, versions).

        They are asked for the genre of each, as trained ones are. Drawn intensities, which no
        ladder has, stay NaN.
        """
        asked, _ = cells_of(self.versions)
        genres = np.asarray(self.genres())[asked]
        about = [self.versions_digest, repr(self.recipe.images), self._null_shape]
        found = np.full((N_NULL, len(asked)), np.nan)
        for first in range(0, N_NULL, _NULL_AT_ONCE):
            seeds = range(first, min(first + _NULL_AT_ONCE, N_NULL))

            def make(seeds: range = seeds) -> Arrays:
                chosen = self.images()[torch.from_numpy(asked)].to(memory_format=_FAST)
                scores = []
                for seed in seeds:
                    tell(f"untrained discriminators: {seed + 1} of {N_NULL}")
                    critic = untrained_critic(self.recipe, seed).to(self.device)
                    critic.discriminators.to(memory_format=_FAST)
                    _spare_attention(critic)
                    scores.append(critic.score_images(parts_of(chosen), genres))
                return {"score": np.stack(scores)}

            kept = self.kept("null", [*about, list(seeds)], make)["score"]
            found[first : first + len(kept), asked] = kept
        return found

    def null_falls(self) -> dict[str, Floats]:
        """Correlate each untrained discriminator with intensity, as `falls_of` does."""

        def make() -> Arrays:
            each = [falls_of(self.versions, [score]) for score in self.null()]
            return {kind: np.array([one[kind].mean for one in each]) for kind in each[0]}

        about = [self.versions_digest, repr(self.recipe.images), self._null_shape]
        return self.kept("null-falls", about, make)

    @property
    def _null_shape(self) -> list:
        recipe = self.recipe
        return [N_NULL, "own genre", recipe.d_width, recipe.n_genres, recipe.size, *self.classes]

    def checkpoints(self, training: Training) -> tuple[list[int], Floats]:
        """Let each kept checkpoint score all versions: steps, and (checkpoints, versions)."""
        folder = self.folder(training)
        paths = kept_files(folder)
        steps = [
            (int(path.stem.split("-")[1]) + 1) * self.recipe.checkpoint_steps for path in paths
        ]

        def make() -> Arrays:
            scores = []
            for step, path in zip(steps, paths, strict=True):
                tell(f"{training.name}: scores at step {step}")
                critic = critic_of_checkpoints(self.recipe, [path]).to(self.device)
                scores.append(critic.score_images(parts_of(self.images()), self.genres()))
            return {"score": np.reshape(scores, (len(paths), self.versions.height))}

        about = [self.versions_digest, training.row["training"], [path.name for path in paths]]
        return steps, self.kept("checkpoints", about, make)["score"]

    def shuffled(self, training: Training) -> Floats:
        """Score each segment as another genre than its own, shape (versions,)."""

        def make() -> Arrays:
            ids, n = self.versions["segment_id"], len(self.classes)
            chance = derive_generator("gan.shuffled", self.versions_digest)
            apart = dict(
                zip(ids.unique().sort(), chance.integers(1, n, ids.n_unique()), strict=True)
            )
            own = zip(self.genres(), ids, strict=True)
            wrong = [int((genre + apart[segment]) % n) for genre, segment in own]
            return {"score": self.critic(training).score_images(parts_of(self.images()), wrong)}

        about = [self.versions_digest, training.row["training"], self.settings.critic]
        return self.kept("shuffled", about, make)["score"]

    def genres(self) -> list[int]:
        """Return the class of each version; where training knew none such, the first."""
        number = {name: place for place, name in enumerate(self.classes)}
        return [number.get(genre, 0) for genre in self.versions["genre"]]

    def critic(self, training: Training) -> Critic:
        """Open the discriminators of a training that the preset lets answer."""
        return critic_of_run(self.folder(training), self.settings.critic).to(self.device)

    def folder(self, training: Training) -> Path:
        """Return where a training lies."""
        partition = self.context.joint_partition("gans")
        return self.context.lake.local_folder(partition, training.row["training"])

    @property
    def device(self) -> str:
        """Where networks are asked."""
        return self.context.preset.models.device

    @functools.cached_property
    def music(self) -> str:
        """Digest of what trains."""
        return digest(listed_music(self.context).identity())

    def tracks(self, part: str, spec: ImageSpec):
        """Open the tracks of a part."""
        return written_tracks(self.context, listed_music(self.context), part, spec, None)[0]

    def sounds(self, what: str) -> Iterator[NDArray[np.float32]]:
        """Make each version again, in order."""
        paths, n = paths_of(self.context), self.versions.height
        for number, row in enumerate(self.versions.iter_rows(named=True)):
            if number % 25 == 0:
                tell(f"{what}: {number} of {n}")
            stored = {**row, "kind": f"intensity_{row['kind']}"} if row["kind"] != ORIGINAL else row
            yield rebuild(Path(paths[row["catalog"], row["track_id"]]), stored)

    def kept(self, what: str, about: list, make: Callable[[], Arrays]) -> Arrays:
        """Return arrays as they were made once, or make them now."""
        return self._answers.kept(what, about, make)


def _spare_attention(critic: Critic) -> None:
    """Leave out attention that adds nothing yet, which is two fifths of the work."""
    for network in critic.discriminators:
        blocks = network.blocks
        for number, block in enumerate(blocks):
            if isinstance(block, SelfAttention) and not block.gamma:
                blocks[number] = nn.Identity()


def parts_of(images: torch.Tensor) -> Sequence[torch.Tensor]:
    """Split images into batches."""
    return images.split(_IMAGES_AT_ONCE)
