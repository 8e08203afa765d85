"""Settings of representations that are learned without labels, and without music."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import OneOrMore, Section, Several, placement
from musqa_pipeline.learning.autoencoders.recipe import (
    SETTLING_STEPS,
    AutoencoderRecipe,
    Inputs,
    Loss,
)


@dataclass(frozen=True, kw_only=True)
class RepresentationsSettings(Section):
    """Which autoencoders are trained (paper 003); the preset section ``[representations]``.

    A training's id says what made it, so that no setting is part of a fingerprint.
    """

    losses: Several[Loss] = placement(())
    """What is made small, each in trainings of its own; while none is named, nothing is made."""
    inputs: Several[Inputs] = placement(("white",))
    """What is seen: uniform noise, noise of amplitude 1/f, or excerpts of the train part."""
    n_seeds: OneOrMore = placement(3)
    """Trainings of each loss and input, with the seeds from 0."""
    n_channels: OneOrMore = placement(128)
    """Channels of the layers, N."""
    n_latents: OneOrMore = placement(16)
    """Channels of the bottleneck, M."""
    n_values: Annotated[int, Field(ge=2)] = placement(5)
    """Values of a latent, L."""
    side: Annotated[int, Field(ge=16, multiple_of=8)] = placement(128)
    """Bands and frames of what is seen, a multiple of 8."""
    batch_size: OneOrMore = placement(8)
    """Images a step."""
    steps: OneOrMore = placement(20_000)
    """Steps of a training, a multiple of `checkpoint_steps`."""
    steps_by_loss: Mapping[Loss, OneOrMore] = field(
        default_factory=dict, metadata={"placement": True}
    )
    """The same for a loss that takes another number, such as one that costs more a step."""
    checkpoint_steps: OneOrMore = placement(100)
    """Steps between two checkpoints, which all stay; a divisor of 200."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = placement(3e-4)
    """Adam's."""
    reconstructed: Literal["test", "every"] = placement("test")
    """Excerpts that are reconstructed: of the test part, or every one. Music that trains is no part
    of what is said of networks that saw it."""
    genres: Several[Literal["gtzan", "synthesised", "catalogs"]] = placement(())
    """Clips whose genre is told, by distances and from latents: GTZAN's, pieces that are composed
    for it, excerpts of the preset's catalogs; none: nothing is made."""
    genre_pieces: Annotated[int, Field(ge=7, le=83)] = placement(40)
    """Pieces of 30 s that are composed in each of the 12 styles."""
    visqol: Literal["none", "test", "every"] = placement("test")
    """Excerpts of which ViSQOL hears the sound of each reconstruction, some seconds each: none,
    those of the test part, or all that are reconstructed."""

    def __post_init__(self) -> None:
        self.require(
            SETTLING_STEPS % self.checkpoint_steps == 0,
            "checkpoint_steps",
            f"a divisor of {SETTLING_STEPS}",
        )
        for loss in get_args(Loss):
            self.require(
                self.steps_of(loss) % self.checkpoint_steps == 0,
                "steps_by_loss" if loss in self.steps_by_loss else "steps",
                f"a multiple of checkpoint_steps={self.checkpoint_steps}",
            )

    def steps_of(self, loss: Loss) -> int:
        """Return how long trainings of a loss take."""
        return self.steps_by_loss.get(loss, self.steps)

    def recipe(self, loss: Loss, inputs: Inputs) -> AutoencoderRecipe:
        """Return how an autoencoder is made; all its checkpoints stay."""
        shared = {
            name: getattr(self, name)
            for name in (
                "n_channels", "n_latents", "n_values", "side", "batch_size", "checkpoint_steps",
                "learning_rate",
            )
        }  # fmt: skip
        steps = self.steps_of(loss)
        kept = steps // self.checkpoint_steps
        return AutoencoderRecipe(
            loss=loss, inputs=inputs, steps=steps, kept_checkpoints=kept, **shared
        )
