"""How an autoencoder is built and trained; the size is the paper's, the network is ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError

REDUCTION = 8
"""Cells along each axis that share a column of latents: three levels of stride 2."""
SETTLING_STEPS = 200
"""Over which a loss has to fall by less than 1 % to have settled."""
Loss = Literal["mse", "ms_ssim", "nlpd"]
Inputs = Literal["white", "pink", "music"]
_Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class AutoencoderRecipe:
    """What makes an autoencoder, beside seed, device and precision, which `TrainingSettings` has.

    `loss` and `inputs` change neither the first weights nor the noise of a step.
    """

    loss: Loss = "mse"
    """What training makes small."""
    inputs: Inputs = "white"
    """What it sees: uniform noise, noise of amplitude 1/f, or parts of images of music."""
    n_channels: _Count = 128
    """Channels of the layers, N."""
    n_latents: _Count = 16
    """Channels of the bottleneck, M."""
    n_values: Annotated[int, Field(ge=2)] = 5
    """Values that a latent has, L."""
    side: Annotated[int, Field(ge=16, multiple_of=REDUCTION)] = 128
    """Bands and frames of what it sees."""
    batch_size: _Count = 8
    """Images a step."""
    steps: _Count = 20_000
    """Steps of a training."""
    checkpoint_steps: _Count = 100
    """Steps between two checkpoints, which are the points of curves."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 3e-4
    """Adam's."""
    kept_checkpoints: Annotated[int, Field(ge=0)] = 200
    """The last so many checkpoints whose weights stay beside the last one's."""

    def __post_init__(self) -> None:
        if self.steps % self.checkpoint_steps:
            raise SettingsError(
                f"autoencoder: steps={self.steps}: expected a multiple of checkpoint_steps="
                f"{self.checkpoint_steps}"
            )

    @property
    def fixed_bits_a_cell(self) -> float:
        """What latents can hold: M log2(L) / 64 bits for each cell of an image."""
        return self.n_latents * math.log2(self.n_values) / REDUCTION**2

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> AutoencoderRecipe:
        """Take what makes an autoencoder out of the record of a run."""
        names = [f.name for f in fields(cls)]
        return cls(**{name: values[name] for name in names if name in values})

    def identity(self) -> dict[str, Any]:
        """Return in what a training has to agree to be gone on with: all but how long it is."""
        return {k: v for k, v in asdict(self).items() if k not in ("steps", "kept_checkpoints")}
