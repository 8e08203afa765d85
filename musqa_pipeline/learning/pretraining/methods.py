"""The ways to pre-train a body without ratings: a plain dictionary, and what a network makes of it.

Nothing here imports torch until a body is trained or read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.entry import ModelEntry, TrainingSettings
from musqa_pipeline.learning.pretraining.framewise_recipe import (
    AUTOENCODER_RECIPES,
    CLASSIFIER_RECIPES,
    DCEC_RECIPES,
    DcecRecipe,
    DegradationClassifierRecipe,
    FramewiseAutoencoderRecipe,
)
from musqa_pipeline.learning.pretraining.recipe import RECIPES, Wav2Vec2Recipe
from musqa_pipeline.learning.pretraining.streams import VersionRows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from musqa_pipeline.learning.training.attempt import TrainingResult

Size = Literal["paper", "small"]
"""Of recipes: as in paper 004, or for two cores."""


@dataclass(frozen=True)
class Material:
    """What is learned from."""

    streams: Sequence[NDArray[Any]]
    """One a track: int16 (samples,) at 16 kHz; uint8 mel images (frames, 48); or the like of
    excerpts in `CLASSES` versions, (excerpts, versions, frames, 48). With several devices all go to
    other processes: `StreamFiles` do as paths."""
    recordings: Sequence[str]
    """Of the tracks."""
    before: Path | None = None
    """Folder of the finished pre-training that is gone on from."""


@dataclass(frozen=True)
class Method:
    """One way to pre-train a body."""

    title: str
    stream: Literal["waveforms", "mels", "versions"]
    """What of each track is learned from, see `Material`."""
    recipe: type
    recipes: Mapping[str, Any]
    """By `Size`."""
    shortest: Callable[[Any], int]
    """Length by its recipe that a stream has to have for anything of it to be learned from."""
    train: Callable[..., TrainingResult]
    """Takes a recipe, a `Material`, and what `learning.training.train` takes besides."""
    read_body: Callable[[Path], Mapping[str, Tensor]]
    """Reads a body's weights out of a folder."""
    after: str = ""
    """The method whose finished training it goes on from."""


def _train_wav2vec2(recipe: Wav2Vec2Recipe, material: Material, **given: Any) -> TrainingResult:
    from musqa_pipeline.learning.pretraining.train import train_wav2vec2

    return train_wav2vec2(recipe, streams=material.streams, **given)


def _train_autoencoder(
    recipe: FramewiseAutoencoderRecipe, material: Material, **given: Any
) -> TrainingResult:
    from musqa_pipeline.learning.pretraining.framewise_autoencoder import (
        train_framewise_autoencoder,
    )

    return train_framewise_autoencoder(recipe, images=material.streams, **given)


def _train_dcec(recipe: DcecRecipe, material: Material, **given: Any) -> TrainingResult:
    from musqa_pipeline.learning.pretraining.dcec_train import train_dcec

    assert material.before
    return train_dcec(recipe, images=material.streams, autoencoder_folder=material.before, **given)


def _train_classifier(
    recipe: DegradationClassifierRecipe, material: Material, **given: Any
) -> TrainingResult:
    from musqa_pipeline.learning.pretraining.degradation_classifier import (
        train_degradation_classifier,
    )

    n_excerpts = [len(stream) for stream in material.streams]
    n_versions = len(recipe.classes)
    return train_degradation_classifier(
        recipe,
        images=VersionRows(material.streams),
        classes=np.tile(np.arange(n_versions), sum(n_excerpts)),
        groups=np.repeat(np.array(material.recordings), np.multiply(n_excerpts, n_versions)),
        **given,
    )


def _read_framewise(folder: Path) -> Mapping[str, Tensor]:
    from musqa_pipeline.learning.pretraining.framewise_run import read_body

    return read_body(folder)


def _read_wav2vec2(folder: Path) -> Mapping[str, Tensor]:
    from musqa_pipeline.learning.pretraining.folder import read_folder

    weights: Mapping[str, Tensor] = read_folder(folder).state_dict()
    return weights


METHODS: dict[str, Method] = {
    "wav2vec2": Method(
        "wav2vec 2.0, contrastive",
        "waveforms",
        Wav2Vec2Recipe,
        RECIPES,
        attrgetter("crop_samples"),
        _train_wav2vec2,
        _read_wav2vec2,
    ),
    "autoencoder": Method(
        "autoencoder of pieces",
        "mels",
        FramewiseAutoencoderRecipe,
        AUTOENCODER_RECIPES,
        attrgetter("window_frames"),
        _train_autoencoder,
        _read_framewise,
    ),
    "dcec": Method(
        "deep convolutional embedded clustering",
        "mels",
        DcecRecipe,
        DCEC_RECIPES,
        attrgetter("window_frames"),
        _train_dcec,
        _read_framewise,
        after="autoencoder",
    ),
    "degradation_classifier": Method(
        "classifier of degradations",
        "versions",
        DegradationClassifierRecipe,
        CLASSIFIER_RECIPES,
        lambda recipe: 1,
        _train_classifier,
        _read_framewise,
    ),
}


def recipe_of_method(method: str, size: Size, own: Mapping[str, Any]) -> Any:
    """Return a method's recipe of a size, with some fields that differ, checked.

    Raises
    ------
    SettingsError
        If there is no such method or field, or a value is out of range.
    """
    if method not in METHODS:
        raise SettingsError(
            f"[pretraining.recipes] {method}: unknown method; known are {', '.join(METHODS)}; edit "
            "the preset"
        )
    values = asdict(METHODS[method].recipes[size])
    given = dict(values)
    for name, value in own.items():
        inside = isinstance(value, Mapping) and isinstance(values.get(name), Mapping)
        given[name] = {**values[name], **value} if inside else value
    where = f"[pretraining.recipes.{method}]"
    try:
        return TypeAdapter(METHODS[method].recipe).validate_json(json.dumps(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{place}={first['input']!r:.100}: {first['msg'].lower()}"
        if first["type"] == "unexpected_keyword_argument":
            problem = f"unknown key {place!r}; known are {', '.join(values)}"
        raise SettingsError(f"{where} {problem}; edit the preset") from None
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None


def on_body(entry: ModelEntry, folder: Path) -> ModelEntry:
    """Describe the same network with a body that begins with the weights in a folder.

    Parameters
    ----------
    entry : ModelEntry
        Of a network with a body.
    folder : Path
        Of a finished pre-training by its method, or as transformers writes a wav2vec 2.0.

    Returns
    -------
    ModelEntry
        Its ``build`` raises as the method's `read_body`, and a `SettingsError` if that is no body
        of this network.
    """
    return replace(entry, build=partial(_build_on, entry.build, entry.body, folder))


def _build_on(
    build: Callable[[TrainingSettings], nn.Module],
    method: str,
    folder: Path,
    settings: TrainingSettings,
) -> nn.Module:
    network: Any = build(settings)
    if any(p.is_meta for p in network.parameters()):  # for who asks for shapes alone
        return cast("nn.Module", network)
    try:
        network.body.load_state_dict(METHODS[method].read_body(folder))
    except RuntimeError as error:
        raise SettingsError(
            f"{folder} holds no body of this network ({str(error).splitlines()[-1].strip()}); "
            "name the folder of another"
        ) from error
    return cast("nn.Module", network)
