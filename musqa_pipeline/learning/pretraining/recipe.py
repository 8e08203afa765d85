"""How a wav2vec 2.0 is built and pre-trained: as in paper 004, and small enough for two cores.

Paper 004 used fairseq's configuration for LibriSpeech (base) as it was; what is the paper's here is
that configuration's.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from musqa_pipeline.audio.features.pcm import WAVEFORM_RATE_HZ
from musqa_pipeline.core.errors import SettingsError

_Layers = Annotated[int, Field(ge=1, le=64)]
_Width = Annotated[int, Field(ge=1, le=8192)]
_Kernel = Annotated[int, Field(ge=1, le=1024)]
_Convolutions = Annotated[tuple[_Width, ...], Field(min_length=1, max_length=16)]
_Chance = Annotated[float, Field(ge=0, lt=1)]
_Count = Annotated[int, Field(ge=1)]
_Weight = Annotated[float, Field(ge=0)]
_CONFIG = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Wav2Vec2Architecture:
    """What a wav2vec 2.0 is made of; names and meaning are those of transformers' `config.json`.

    The default is base: 94,371,712 parameters, with the head of pre-training 95,044,608.
    """

    conv_dim: _Convolutions = (512,) * 7
    """Channels of the convolutions on samples."""
    conv_kernel: _Convolutions = (10, 3, 3, 3, 3, 2, 2)
    conv_stride: _Convolutions = (5, 2, 2, 2, 2, 2, 2)
    conv_bias: bool = False
    feat_extract_norm: Literal["group", "layer"] = "group"
    """One norm over time after the first convolution, or one over channels after each."""
    feat_extract_activation: Literal["gelu"] = "gelu"
    hidden_size: _Width = 768
    """Width of the blocks."""
    num_hidden_layers: _Layers = 12
    num_attention_heads: _Layers = 12
    intermediate_size: Annotated[int, Field(ge=1, le=32768)] = 3072
    hidden_act: Literal["gelu"] = "gelu"
    do_stable_layer_norm: bool = False
    """Whether norms come before the parts of a block, and not after them."""
    layer_norm_eps: Annotated[float, Field(gt=0, le=0.1)] = 1e-5
    num_conv_pos_embeddings: _Kernel = 128
    """Frames that the convolution sees which tells positions."""
    num_conv_pos_embedding_groups: _Kernel = 16
    num_codevector_groups: Annotated[int, Field(ge=1, le=16)] = 2
    """Codebooks."""
    num_codevectors_per_group: Annotated[int, Field(ge=2, le=8192)] = 320
    """Codes in each."""
    codevector_dim: _Width = 256
    """Width of a frame's codes, side by side."""
    proj_codevector_dim: _Width = 256
    """Width in which contexts and codes are compared."""
    hidden_dropout: _Chance = 0.1
    attention_dropout: _Chance = 0.1
    activation_dropout: _Chance = 0.0
    feat_proj_dropout: _Chance = 0.1
    feat_quantizer_dropout: _Chance = 0.1
    layerdrop: _Chance = 0.05
    """Chance of a block to be passed over in a step."""

    def __post_init__(self) -> None:
        n = len(self.conv_dim)
        if not n == len(self.conv_kernel) == len(self.conv_stride):
            raise SettingsError(
                f"wav2vec 2.0: {n} conv_dim, {len(self.conv_kernel)} conv_kernel and "
                f"{len(self.conv_stride)} conv_stride: expected as many of each"
            )
        for whole, part in (
            ("hidden_size", "num_attention_heads"),
            ("hidden_size", "num_conv_pos_embedding_groups"),
            ("codevector_dim", "num_codevector_groups"),
        ):
            if getattr(self, whole) % getattr(self, part):
                raise SettingsError(
                    f"wav2vec 2.0: {whole}={getattr(self, whole)}: expected a multiple of {part}="
                    f"{getattr(self, part)}"
                )

    @classmethod
    def of_json(cls, text: str) -> Wav2Vec2Architecture:
        """Take fields out of JSON, others as in base; `SettingsError` or pydantic's of bad ones."""
        return TypeAdapter(cls).validate_json(text)

    def n_frames(self, n_samples: int) -> int:
        """Return how many frames so many samples make; none of what is shorter than one frame."""
        n = n_samples
        for kernel, stride in zip(self.conv_kernel, self.conv_stride, strict=True):
            n = (n - kernel) // stride + 1
        return max(0, n)


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Wav2Vec2Recipe:
    """What makes a pre-training, beside seed, device and precision, which `TrainingSettings` has.

    The default is the paper's.
    """

    architecture: Wav2Vec2Architecture = dataclasses.field(default_factory=Wav2Vec2Architecture)
    crop_samples: _Count = 250_000
    """Samples of a crop, at 16 kHz."""
    batch_size: _Count = 5
    """Crops an update: the 1.4 million samples that fairseq gives to a card; it has 64 of them, and
    the paper does not say how many it gathers on its one."""
    updates: _Count = 400_000
    checkpoint_updates: _Count = 1_000
    """Updates between two checkpoints, which are the points of curves."""
    warmup_updates: _Count = 32_000
    """In which the learning rate rises evenly; then it falls evenly, to 0 after the last update."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 5e-4
    """Adam's highest."""
    betas: tuple[_Chance, _Chance] = (0.9, 0.98)
    epsilon: Annotated[float, Field(gt=0)] = 1e-6
    weight_decay: _Weight = 0.01
    mask_fraction: Annotated[float, Field(gt=0, le=1)] = 0.65
    """Masked frames in a crop if stretches did not overlap; they do, and it becomes some 0.49."""
    mask_frames: _Count = 10
    """Frames of a stretch."""
    negatives: _Count = 100
    """Other masked frames of the same crop that a frame's code is told from."""
    negatives_elsewhere: Annotated[int, Field(ge=0)] = 0
    """Masked frames of other crops of the batch, besides."""
    similarity_temperature: Annotated[float, Field(gt=0)] = 0.1
    """By which the cosine of context and code is divided."""
    gumbel_highest: Annotated[float, Field(gt=0)] = 2.0
    """Temperature at which codes are drawn in the first update,"""
    gumbel_decay: Annotated[float, Field(gt=0, le=1)] = 0.999995
    """its factor from update to update,"""
    gumbel_lowest: Annotated[float, Field(gt=0)] = 0.5
    """and where it stays."""
    diversity_weight: _Weight = 0.1
    penalty_weight: _Weight = 10.0
    """Of the mean square of what the convolutions give."""
    encoder_gradient: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Factor of the gradient that reaches the convolutions."""
    kept_checkpoints: Annotated[int, Field(ge=0)] = 0
    """The last so many checkpoints whose weights stay beside the last one's."""

    def __post_init__(self) -> None:
        if self.updates % self.checkpoint_updates:
            raise SettingsError(
                f"wav2vec 2.0: updates={self.updates}: expected a multiple of checkpoint_updates="
                f"{self.checkpoint_updates}"
            )
        if self.warmup_updates >= self.updates:
            raise SettingsError(
                f"wav2vec 2.0: warmup_updates={self.warmup_updates}: expected fewer than updates="
                f"{self.updates}"
            )
        if self.n_frames < 2 * self.mask_frames:
            raise SettingsError(
                f"wav2vec 2.0: crop_samples={self.crop_samples} make {self.n_frames} frames: "
                f"expected at least two stretches of mask_frames={self.mask_frames}"
            )

    @property
    def n_frames(self) -> int:
        """Frames of a crop."""
        return self.architecture.n_frames(self.crop_samples)

    def learning_rate_of(self, update: int) -> float:
        """Return Adam's rate in an update, from 0."""
        rising = (update + 1) / self.warmup_updates
        falling = (self.updates - update) / (self.updates - self.warmup_updates)
        return self.learning_rate * min(rising, falling, 1.0)

    def gumbel_temperature_of(self, update: int) -> float:
        """Return the temperature at which codes are drawn in an update, from 0."""
        return max(self.gumbel_highest * self.gumbel_decay**update, self.gumbel_lowest)

    def identity(self) -> dict[str, Any]:
        """Return in what a training has to agree to be gone on with."""
        made: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # lists, as a checkpoint has
        return {name: value for name, value in made.items() if name != "kept_checkpoints"}


PAPER = Wav2Vec2Recipe()
"""Paper 004's, for a GPU."""
SMALL = Wav2Vec2Recipe(
    architecture=Wav2Vec2Architecture(
        conv_dim=(48, 64, 96, 128),
        conv_kernel=(20, 8, 8, 4),
        conv_stride=(10, 4, 4, 2),
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=512,
        num_conv_pos_embeddings=64,
        num_codevectors_per_group=64,
        codevector_dim=64,
        proj_codevector_dim=64,
        attention_dropout=0.0,  # with any, an update of w2vMOS takes twice as long on a CPU
    ),
    crop_samples=2 * WAVEFORM_RATE_HZ,
    batch_size=12,
    updates=6_000,
    checkpoint_updates=100,
    warmup_updates=480,
    learning_rate=2e-3,
    mask_fraction=0.5,
    mask_frames=5,
    gumbel_decay=0.9997,
)
"""50 frames a second, like the paper's; within 40 minutes of one core. With the paper's longer
stretches it stays at chance for 600 updates even at this rate, see docs/archives.md."""
RECIPES = {"paper": PAPER, "small": SMALL}
