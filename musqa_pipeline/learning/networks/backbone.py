"""An image network with frozen weights between a stem and a head that learn (paper 001, table IV).

Table IV: a convolution with 3 filters of 11 x 11, resizing to 224 x 224, a network of torchvision
with its 1000 outputs, three linear dense layers. Tensor names end in axis letters: N image, C
channel, T time, F mel band, H and W rows and columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.files import explained
from musqa_pipeline.learning.networks.cnn1d import start_like_keras
from musqa_pipeline.learning.networks.outputs_cache import OutputsCache

N_OUTPUTS = 1000
"""Classes of ImageNet."""
SIDE = 224
"""Rows and columns of what the backbone sees (table IV)."""
FROZEN_SEED = 0
"""What a frozen stem is drawn by, and the backbone behind it where its weights are random."""


class StillBackbone(nn.Module):
    """A network that never moves: no gradients of its weights, evaluation mode for ever.

    Gradients flow through it to its input. Evaluation mode means that batch norms use the stored
    statistics and that VGG's dropout is off, whatever mode the rest of the network is in.

    Channels lie innermost in memory: on a CPU a step of both networks takes two thirds of the time
    (0.30 s an image instead of 0.46 s, 1.15 s instead of 1.67 s; float32, one thread, batch of 8).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()
        _put_channels_innermost(network)

    def forward(self, images_nchw: Tensor) -> Tensor:
        """Return the 1000 outputs before any softmax, shape (n, 1000)."""
        outputs: Tensor = self.network(images_nchw)
        return outputs

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever is asked for."""
        return super().train(False)


class FrozenBackbone(StillBackbone):
    """One whose weights every training shares, so that no checkpoint need hold them.

    Its state dictionary is the SHA-256 of its weights, because these are the same in every
    checkpoint (VGG19: 575 MB): a network is built with its weights, and a checkpoint that was
    trained on others is refused; `name` is what the message calls them.
    """

    digest: Tensor

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__(network)
        self.name = name
        self.register_buffer("digest", _digest(network))
        self.register_load_state_dict_pre_hook(_check_and_complete)

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """Return the digest alone."""
        state = {} if destination is None else destination
        state[f"{prefix}digest"] = self.digest
        return state


class BackboneNetwork(nn.Module):
    """Table IV around a backbone: 289,647 parameters that move.

    The stem's ReLU follows the paper's text; dense layers are linear. Neither ImageNet's mean and
    deviation nor torchvision's ``transform_input`` is applied: the paper names no such step, and
    the stem can learn it. `output` is what the dense layers see of the 1000 outputs; Keras'
    applications end in softmax.

    Channels are innermost from the stem's maps on: on a CPU these cost 24 ms an image instead of
    145 ms in bfloat16, 52 ms instead of 88 ms in float32 (forward and back, one thread).
    """

    def __init__(
        self, backbone: StillBackbone, output: Literal["softmax", "logits"] = "softmax"
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 3, 11)
        self.backbone = backbone
        self.output = output
        self.dense1 = nn.Linear(N_OUTPUTS, 256)
        self.dense2 = nn.Linear(256, 128)
        self.dense3 = nn.Linear(128, 1)
        for layer in (self.stem, self.dense1, self.dense2, self.dense3):
            start_like_keras(layer)
        _put_channels_innermost(self.stem)

    def forward(self, images_ntf: Tensor) -> Tensor:
        """Predict quality, not clipped, shape (n,), of mel images (n, 1876, 256) in 0-1."""
        return self.dense3(self.dense2(self.dense1(self.outputs(images_ntf)))).squeeze(1)

    def outputs(self, images_ntf: Tensor) -> Tensor:
        """Return what the dense layers see: the softmax or the logits, shape (n, 1000)."""
        logits = self.backbone(self.picture(images_ntf))
        return logits.softmax(1) if self.output == "softmax" else logits

    def picture(self, images_ntf: Tensor) -> Tensor:
        """Return what the backbone sees, shape (n, 3, 224, 224).

        The stem's three maps, 1866 x 246, are resized bilinearly between pixel centres and without
        antialiasing, as Keras' ``Resizing`` does: of 8.3 rows in time, two are looked at.
        """
        maps_nctf = torch.relu(self.stem(images_ntf.unsqueeze(1)))
        return functional.interpolate(maps_nctf, (SIDE, SIDE), mode="bilinear", antialias=False)


class FrozenStemNetwork(BackboneNetwork):
    """An ablation: the stem stays as it was drawn, so that an image's outputs never change.

    Then they are computed once for each image; `cache_in` keeps them in a file. All trainings have
    the same stem, whatever their seed, as they have the same published backbone.
    """

    backbone: FrozenBackbone

    def __init__(
        self, backbone: FrozenBackbone, output: Literal["softmax", "logits"] = "softmax"
    ) -> None:
        super().__init__(backbone, output)
        with torch.random.fork_rng(devices=[]):
            self.stem = nn.Conv2d(1, 3, 11)  # numbers are drawn in the order of memory
            torch.manual_seed(FROZEN_SEED)
            start_like_keras(self.stem)
        _put_channels_innermost(self.stem)
        self.stem.requires_grad_(False)
        self._cache: OutputsCache | None = None

    def cache_in(self, folder: Path, *, writable: bool = True) -> None:
        """Look outputs up in a file of this folder from now on, and add to it if `writable`."""
        whole = hashlib.sha256(bytes(self.backbone.digest.cpu().tolist()))
        for tensor in self.stem.state_dict().values():
            whole.update(tensor.cpu().numpy().tobytes())
        with explained("write", folder):
            folder.mkdir(parents=True, exist_ok=True)
        name = f"outputs-{self.output}-{whole.hexdigest()[:12]}.bin"
        self._cache = OutputsCache(folder / name, N_OUTPUTS, writable=writable)

    def outputs(self, images_ntf: Tensor) -> Tensor:
        """Return what the dense layers see, from the cache where there is one.

        Images may be such outputs already, of shape (n, 1, 1000).
        """
        if images_ntf.shape[1:] == (1, N_OUTPUTS):
            return images_ntf.squeeze(1)
        with torch.no_grad():
            if self._cache is None:
                return super().outputs(images_ntf)
            return self._cache.get(images_ntf, super().outputs)


class ImportedBackboneNetwork(BackboneNetwork):
    """Table IV as it was trained elsewhere: all that its answers follow from is in its weights.

    These are the backbone's too, whether its outputs go through `softmax`, and whether the network
    learned from images in which time runs backwards (`time_reversed`), as the authors' did: then it
    turns what it is shown.
    """

    softmax: Tensor
    time_reversed: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__(StillBackbone(network))
        self.register_buffer("softmax", torch.tensor(True))
        self.register_buffer("time_reversed", torch.tensor(False))

    def forward(self, images_ntf: Tensor) -> Tensor:
        """Predict quality, not clipped, shape (n,), of mel images (n, 1876, 256) in 0-1."""
        return super().forward(images_ntf.flip(1) if self.time_reversed else images_ntf)

    def outputs(self, images_ntf: Tensor) -> Tensor:
        """Return what the dense layers see: the softmax or the logits, shape (n, 1000)."""
        logits = self.backbone(self.picture(images_ntf))
        return logits.softmax(1) if self.softmax else logits


def _put_channels_innermost(module: nn.Module) -> None:
    # torch's annotations do not know the argument.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _digest(network: nn.Module) -> Tensor:
    """Return the SHA-256 of all weights with their names, 32 bytes; zeros on the meta device."""
    state: Mapping[str, Tensor] = network.state_dict()
    if any(tensor.is_meta for tensor in state.values()):
        return torch.zeros(32, dtype=torch.uint8)
    whole = hashlib.sha256()
    for name in sorted(state):
        whole.update(name.encode())
        whole.update(state[name].detach().cpu().contiguous().reshape(-1).numpy().data)
    return torch.tensor(list(whole.digest()), dtype=torch.uint8)


def _check_and_complete(
    backbone: nn.Module, state: dict[str, Any], prefix: str, *rest: Any
) -> None:
    """Refuse weights trained on another backbone; else fill in what a checkpoint leaves out."""
    assert isinstance(backbone, FrozenBackbone)
    stored = state.get(f"{prefix}digest")
    if stored is not None and not torch.equal(stored.cpu(), backbone.digest.cpu()):
        found, expected = (bytes(d.tolist()).hex()[:12] for d in (backbone.digest, stored))
        raise LakeError(
            f"the run was trained on {backbone.name} weights with SHA-256 {expected}…, and those "
            f"found now have {found}…; put the weights of then back, or delete its folder and "
            "train again"
        )
    for name, tensor in backbone.network.state_dict().items():
        state[f"{prefix}network.{name}"] = tensor
