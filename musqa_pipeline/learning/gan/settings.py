"""How a GAN is built and trained; the paper's where it says, and ours by setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.gan.segments import ImageSpec


@dataclass(frozen=True, kw_only=True)
class GanSettings:
    """What makes a GAN, beside seed, device and precision, which `TrainingSettings` has."""

    size: int = 256
    """Side of its images: 64, 128 or 256."""
    band: Literal["16k", "48k"] = "16k"
    """What they show, see `ImageSpec`."""
    range_db: float = 80.0
    """Their range, see `ImageSpec`."""
    n_genres: int = 1
    """Classes; 1 makes it unconditional."""
    g_width: int = 64
    """Width of the generator, of which `networks.WIDTHS` are multiples."""
    d_width: int = 64
    """Width of the discriminator."""
    batch_size: int = 24
    """Real images a step of the discriminator, and generated ones a step of either."""
    steps: int = 100_000
    """Steps of the generator; the discriminator takes two for each of them."""
    checkpoint_steps: int = 1_000
    """Steps of the generator between two checkpoints, which are the points of curves."""
    g_learning_rate: float = 1e-4
    """Adam's of the generator (SAGAN's; paper 000 is silent)."""
    d_learning_rate: float = 2e-4
    """Adam's of the discriminator."""
    average_decay: float = 0.9999
    """Of the running averages of both networks; 0 for none."""
    r1_weight: float = 0.0
    """Of the penalty on the gradient at real images (Mescheder et al., 2018, arXiv:1801.04406)."""
    augment: bool = False
    """Whether the discriminator sees images shifted and cut out in time, see `augment.py`."""
    kept_checkpoints: int = 4
    """The last so many checkpoints whose networks stay beside the last one's."""
    described_images: int = 256
    """Real and generated images whose Fréchet distance is taken at each checkpoint."""

    def __post_init__(self) -> None:
        if self.steps % self.checkpoint_steps:
            raise SettingsError(
                f"[gan] steps={self.steps}: expected a multiple of checkpoint_steps="
                f"{self.checkpoint_steps}; edit the preset"
            )

    @property
    def images(self) -> ImageSpec:
        """Geometry of its images."""
        return ImageSpec(size=self.size, band=self.band, range_db=self.range_db)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> GanSettings:
        """Take what makes a GAN out of a section of a preset, or out of the record of a run."""
        names = [f.name for f in fields(cls)]
        return cls(**{name: values[name] for name in names if name in values})

    def identity(self) -> dict[str, Any]:
        """Return in what a training has to agree to be gone on with: all but how long it is."""
        return {k: v for k, v in asdict(self).items() if k not in ("steps", "kept_checkpoints")}
