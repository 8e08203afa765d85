"""Scores by a trained discriminator: higher is more like the music that it learned from.

A score has no unit and compares with scores of the same critic alone. It depends on neither the
other segments of a batch nor their order (1e-5).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError, SettingsError, StageError
from musqa_pipeline.learning.device import find_device
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.networks import Discriminator
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    read_weights,
    write_tensors,
)
from musqa_pipeline.learning.training.kept import filled, kept_files

Kind = Literal["last", "average", "checkpoints"]
"""Which discriminator is asked: the last one, its running average, or those of the last checkpoints
together."""
_FORMAT = 1
_PREFIX = {"last": "discriminator.", "average": "averages.discriminator."}


class Critic:
    """One discriminator, or several whose standardised scores are averaged.

    Parameters
    ----------
    settings : GanRecipe
        What made them.
    discriminators : sequence of Discriminator
        Networks of that size, width and number of genres.
    real_scores : sequence of (float, float)
        Mean and deviation of each one's scores of the music it learned from, by which its scores
        are standardised; (0, 1) leaves them as they are.
    """

    def __init__(
        self,
        settings: GanRecipe,
        discriminators: Sequence[Discriminator],
        real_scores: Sequence[tuple[float, float]] = ((0.0, 1.0),),
    ) -> None:
        self.settings = settings
        self.discriminators = nn.ModuleList(discriminators).eval().requires_grad_(False)
        self.real_scores = tuple(real_scores)

    def to(self, device: str) -> Critic:
        """Move it to a device, see `find_device`."""
        self.discriminators.to(find_device(device))
        return self

    def score(
        self, pcm: NDArray[np.int16], genres: Sequence[int] | NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Score segments.

        Parameters
        ----------
        pcm : ndarray of int16, shape (n, samples)
            Segments as `pcm_at_rate` makes them.
        genres : sequence of int, optional
            Class of each; the mean genre when left out, whose score is the mean over all.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        UnfitInputError
            If segments have another length.
        StageError
            If a score is not finite.
        """
        size = self.settings.batch_size
        images = (
            images_of(self._moved(torch.tensor(part)), self.settings.images)
            for part in _parts(pcm, size)
        )
        return self.score_images(images, genres)

    def score_images(
        self,
        images: Iterable[Tensor],
        genres: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Score batches of images, each (n, 1, size, size), as `score` does."""
        parts = [np.empty((0, self.settings.n_genres))]
        with torch.inference_mode():
            for images_n1hw in images:
                parts.append(self._by_genre(images_n1hw).cpu().numpy())
        by_genre = np.concatenate(parts)
        if not np.isfinite(by_genre).all():
            raise StageError("gan: scores are not finite; train the network again")
        if genres is None:
            return by_genre.mean(axis=1)
        return by_genre[np.arange(len(by_genre)), np.asarray(genres, np.int64)]

    def _by_genre(self, images_n1hw: Tensor) -> Tensor:
        images_n1hw = self._moved(images_n1hw)
        each = []
        for network, (mean, deviation) in zip(self.discriminators, self.real_scores, strict=True):
            assert isinstance(network, Discriminator)
            each.append((network.scores_of_genres(images_n1hw).double() - mean) / deviation)
        return torch.stack(each).mean(dim=0)

    def _moved(self, values: Tensor) -> Tensor:
        return values.to(next(self.discriminators.parameters()).device)

    def save(self, path: Path) -> None:
        """Write it into a file that is whole or absent."""
        states = [
            {name: tensor.cpu() for name, tensor in network.state_dict().items()}
            for network in self.discriminators
        ]
        settings = json.dumps(asdict(self.settings), sort_keys=True)
        write_tensors(
            path,
            {
                "format": _FORMAT, "settings": settings, "networks": states,
                "real_scores": torch.tensor(self.real_scores, dtype=torch.float64),
            },
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Critic:
        """Read it onto the CPU; nothing but tensors is ever unpickled.

        `LakeError` if the file is absent, damaged, of another format, or does not fit.
        """
        stored = read_weights(path)
        if stored.get("format") != _FORMAT:
            raise LakeError(f"{path} is no critic of format {_FORMAT}; make it again from its run")
        settings = _settings_in(stored["settings"], path)
        networks = [_network(settings, state, path) for state in stored["networks"]]
        scores = [(mean, deviation) for mean, deviation in stored["real_scores"].tolist()]
        return cls(settings, networks, scores)


def settings_of_run(folder: Path) -> GanRecipe:
    """Read what made a trained GAN; LakeError if the record is absent or no GAN's."""
    record = folder / SETTINGS_FILE
    try:
        return _settings_in(seals.read(record), record)
    except OSError as error:
        raise LakeError(f"cannot read {record}: {error}; train the network again") from error


def critic_of_run(folder: Path, kind: Kind = "last") -> Critic:
    """Make the critic of a trained GAN.

    Parameters
    ----------
    folder : Path
        Folder of the run, with ``settings.json``, ``weights.pt`` and the kept checkpoints.
    kind : {"last", "average", "checkpoints"}
        Which discriminators are asked; all kept checkpoints, standardised, by the last.

    Raises
    ------
    LakeError
        If a file is absent or damaged, or does not fit.
    SettingsError
        If the training kept no average, or no checkpoint.
    """
    settings = settings_of_run(folder)
    if kind == "checkpoints":
        return critic_of_checkpoints(settings, kept_files(folder))
    path = folder / WEIGHTS_FILE
    return Critic(settings, [_network(settings, _part(read_weights(path), kind), path)])


def critic_of_checkpoints(settings: GanRecipe, paths: Sequence[Path]) -> Critic:
    """Make a critic of the networks of some checkpoints, which may be one; standardised."""
    if not paths:
        raise SettingsError("critic='checkpoints': none was kept; raise [gan] kept_checkpoints")
    networks, scores = [], []
    for path in paths:
        weights = read_weights(path)
        networks.append(_network(settings, _part(weights, "last"), path))
        mean, deviation = weights["real_scores"].tolist()
        scores.append((mean, deviation))
    return Critic(settings, networks, scores)


def untrained_critic(settings: GanRecipe, seed: int) -> Critic:
    """Make a critic that has learned nothing, of which the null hypothesis is made."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Discriminator(settings.size, settings.d_width, settings.n_genres)
    return Critic(settings, [network])


def _part(weights: Mapping[str, Tensor], kind: Kind) -> dict[str, Tensor]:
    prefix = _PREFIX[kind]
    found = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    if not found:
        raise SettingsError(f"critic={kind!r}: this training kept none; raise [gan] average_decay")
    return found


def _network(settings: GanRecipe, state: Mapping[str, Tensor], path: Path) -> Discriminator:
    return filled(
        lambda: Discriminator(settings.size, settings.d_width, settings.n_genres), state, path
    )


def _settings_in(content: str | bytes, path: Path) -> GanRecipe:
    """Read settings from JSON, of a critic or of the record of a run."""
    try:
        values = json.loads(content)
        return GanRecipe.of(values.get("settings", values))
    except (ValueError, TypeError, AttributeError) as error:
        raise LakeError(
            f"{path} is no record of a GAN ({str(error)[:200]}); train it again"
        ) from error


def _parts(values: NDArray[np.int16], size: int) -> Iterable[NDArray[np.int16]]:
    return (values[first : first + size] for first in range(0, len(values), size))
