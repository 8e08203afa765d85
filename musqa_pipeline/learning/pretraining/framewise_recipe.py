"""How NISQA's convolutions are pre-trained: as in paper 004, and small enough for two cores.

Paper 004, 4.2.3, names three ways: an autoencoder, deep convolutional embedded clustering (DCEC)
[1]_ and a classifier of degradations [2]_. It says what they hear, windows of 20 s every 10 s; what
it does not say is DCEC's own where that says it, else ours: how many windows make a batch, and how
long a training is.

References
----------
.. [1] X. Guo, X. Liu, E. Zhu and J. Yin, "Deep Clustering with Convolutional Autoencoders", ICONIP
   2017, doi:10.1007/978-3-319-70096-0_39.
.. [2] A. Ragano, E. Benetos and A. Hines, "More for less: non-intrusive speech quality assessment
   with limited annotations", QoMEX 2021, arXiv:2108.08745.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError

_Count = Annotated[int, Field(ge=1)]
_CONFIG = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class FramewiseRecipe:
    """What all three have, beside seed, device and precision, which `TrainingSettings` has."""

    piece_hop_frames: _Count = 4
    """From a piece of 15 frames to the next: 4 is NISQA's, 16 takes a quarter of the time."""
    batch_size: _Count = 16
    """Windows, or excerpts, an update."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """Adam's."""

    def identity(self) -> dict[str, Any]:
        """Return in what a training has to agree to be gone on with."""
        made: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # lists, as a checkpoint has
        return made


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class WindowRecipe(FramewiseRecipe):
    """What those have that hear windows of whole recordings."""

    window_frames: Annotated[int, Field(ge=15)] = 2_000
    """Frames of a window, 10 ms each; shorter recordings are not heard."""
    window_hop_frames: _Count = 1_000
    """From a window to the next."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class FramewiseAutoencoderRecipe(WindowRecipe):
    """What makes an autoencoder of pieces."""

    max_epochs: _Count = 100
    """Times that every window is heard."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class DcecRecipe(WindowRecipe):
    """What makes a clustering of windows; numbers are those of DCEC's authors."""

    n_clusters: Annotated[int, Field(ge=2)] = 10
    kmeans_starts: _Count = 20
    """Of which the best makes the first centres."""
    clustering_weight: Annotated[float, Field(ge=0)] = 0.1
    """Of the divergence KL(p || q), beside the mean square error of pieces."""
    renewal_updates: _Count = 140
    """Updates from one renewal of the targets to the next."""
    checkpoint_updates: _Count = 70
    """Updates between two checkpoints, which are the points of curves."""
    settled_fraction: Annotated[float, Field(ge=0, le=1)] = 1e-3
    """Once fewer windows changed their cluster from one renewal to the next, it is over."""
    max_updates: _Count = 20_020
    """After so many at the latest."""

    def __post_init__(self) -> None:
        for longer, shorter in (
            ("renewal_updates", "checkpoint_updates"),
            ("max_updates", "renewal_updates"),
        ):
            if getattr(self, longer) % getattr(self, shorter):
                raise SettingsError(
                    f"DCEC: {longer}={getattr(self, longer)}: expected a multiple of {shorter}="
                    f"{getattr(self, shorter)}"
                )


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class DegradationClassifierRecipe(FramewiseRecipe):
    """What makes a classifier of degradations."""

    classes: Annotated[tuple[str, ...], Field(min_length=2)] = (
        "clean", "clip", "codec", "noise", "reverberation", "echo",
    )  # fmt: skip
    """What it tells apart, by number; see `audio.degradations.six_versions`."""
    max_epochs: _Count = 100
    """Times that every excerpt is heard, at most."""
    stop_patience_epochs: _Count = 20
    """It is over after so many epochs without a lower validation loss; paper 004, 5, waits as long
    in fine-tuning."""
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of recordings that validate; at least one."""


AUTOENCODER_RECIPES = {
    "paper": FramewiseAutoencoderRecipe(),
    "small": FramewiseAutoencoderRecipe(piece_hop_frames=16, batch_size=4, max_epochs=10),
}
DCEC_RECIPES = {
    "paper": DcecRecipe(),
    "small": DcecRecipe(piece_hop_frames=16, batch_size=4, max_updates=560),
}
CLASSIFIER_RECIPES = {
    "paper": DegradationClassifierRecipe(),
    "small": DegradationClassifierRecipe(
        piece_hop_frames=16, max_epochs=20, stop_patience_epochs=5
    ),
}
