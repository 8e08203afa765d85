"""How a GAN is built and trained; the paper's where it says, and ours by setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.gan.segments import ImageSpec

_Count = Annotated[int, Field(ge=1)]
_Rate = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class GanRecipe:
    """What makes a GAN, beside seed, device and precision, which `TrainingSettings` has.

    It is a table ``[gan.recipes.NAME]`` of a preset, but for the number of classes.
    """

    size: Literal[64, 128, 256] = 256
    """Side of its images."""
    band: Literal["16k", "48k"] = "16k"
    """What they show: up to 8 kHz as in the paper, or up to 24 kHz."""
    range_db: Annotated[float, Field(ge=20, le=120)] = 80.0
    """How far below an image's loudest cell its floor lies; the paper does not say."""
    n_genres: _Count = 1
    """Classes; 1 makes it unconditional."""
    g_width: _Count = 64
    """Width of the generator, of which the channels of all layers are multiples."""
    d_width: _Count = 64
    """Width of the discriminator."""
    batch_size: _Count = 24
    """Real images a step of the discriminator, and generated ones a step of either."""
    steps: _Count = 100_000
    """Steps of the generator; the discriminator takes two for each of them."""
    checkpoint_steps: _Count = 1_000
    """Steps of the generator between two checkpoints, which are the points of curves."""
    g_learning_rate: _Rate = 1e-4
    """Adam's of the generator (SAGAN's; paper 000 is silent)."""
    d_learning_rate: _Rate = 2e-4
    """Adam's of the discriminator."""
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    """Of the running averages of both networks; 0 for none."""
    r1_weight: Annotated[float, Field(ge=0)] = 0.0
    """Of the penalty on the gradient at real images (Mescheder et al., 2018, arXiv:1801.04406)."""
    augment: bool = False
    """Whether the discriminator sees images shifted and cut out in time, never in frequency."""
    kept_checkpoints: Annotated[int, Field(ge=0)] = 4
    """The last so many checkpoints whose networks stay beside the last one's."""
    described_images: Annotated[int, Field(ge=2)] = 256
    """Real and generated images whose Fréchet distance is taken at each checkpoint."""

    def __post_init__(self) -> None:
        if self.steps % self.checkpoint_steps:
            raise SettingsError(
                f"[gan.recipes] steps={self.steps}: expected a multiple of checkpoint_steps="
                f"{self.checkpoint_steps}; edit the preset"
            )

    @property
    def images(self) -> ImageSpec:
        """Geometry of its images."""
        return ImageSpec(size=self.size, band=self.band, range_db=self.range_db)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> GanRecipe:
        """Take what makes a GAN out of a section of a preset, or out of the record of a run."""
        names = [f.name for f in fields(cls)]
        return cls(**{name: values[name] for name in names if name in values})

    def identity(self) -> dict[str, Any]:
        """Return in what a training has to agree to be gone on with: all but how long it is."""
        return {k: v for k, v in asdict(self).items() if k not in ("steps", "kept_checkpoints")}
