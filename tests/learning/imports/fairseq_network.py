"""w2vMOS in torch alone, with layers named and nested as fairseq's: an oracle for its import.

Written from the paper (Baevski et al., 2020) and the names of published state dictionaries. Norms
come after the parts of a block, the first convolution alone has one, and nothing is dropped.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import weight_norm  # the older one, whose names fairseq's files have

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


class Attention(nn.Module):
    """Attention with heads of 64."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (
            nn.Linear(width, width) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Attend to all frames."""
        n, t, width = x.shape
        q, k, v = (
            layer(x).view(n, t, width // 64, 64).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        shares = torch.softmax(q @ k.transpose(2, 3) / 8, dim=-1)
        return self.out_proj((shares @ v).transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    """A block of the transformer."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.self_attn = Attention(width)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Attend, then think."""
        x = self.self_attn_layer_norm(x + self.self_attn(x))
        return self.final_layer_norm(x + self.fc2(functional.gelu(self.fc1(x))))


class Encoder(nn.Module):
    """Positions and blocks."""

    def __init__(self, width: int, inner: int, n_blocks: int, kernel: int, groups: int) -> None:
        super().__init__()
        convolution = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=groups)
        self.pos_conv = nn.Sequential(weight_norm(convolution, dim=2))
        self.layers = nn.ModuleList(Block(width, inner) for _ in range(n_blocks))
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Pass frames on."""
        positions = self.pos_conv(x.transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)
        x = self.layer_norm(x + functional.gelu(positions))
        for layer in self.layers:
            x = layer(x)
        return x


class Convolutions(nn.Module):
    """From samples to frames."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        inputs = (1, *channels)
        self.conv_layers = nn.ModuleList()
        for i, (kernel, stride) in enumerate(zip(KERNELS, STRIDES, strict=True)):
            layers = [nn.Conv1d(inputs[i], channels[i], kernel, stride, bias=False), nn.Dropout(0)]
            if i == 0:
                layers.append(nn.GroupNorm(channels[0], channels[0]))
            self.conv_layers.append(nn.Sequential(*layers, nn.GELU()))

    def forward(self, x: Tensor) -> Tensor:
        """Return frames (n, frames, channels)."""
        x = x.unsqueeze(1)
        for layer in self.conv_layers:
            x = layer(x)
        return x.transpose(1, 2)


class FairseqWav2Vec2(nn.Module):
    """What is left of fairseq's network without what pre-training alone needs."""

    def __init__(self, *, channels, width, inner, n_blocks, kernel, groups) -> None:
        super().__init__()
        self.feature_extractor = Convolutions(channels)
        self.layer_norm = nn.LayerNorm(channels[-1])
        self.post_extract_proj = nn.Linear(channels[-1], width)
        self.mask_emb = nn.Parameter(torch.rand(width))
        self.encoder = Encoder(width, inner, n_blocks, kernel, groups)

    def forward(self, samples: Tensor) -> Tensor:
        """Return contexts (n, frames, width)."""
        frames = self.layer_norm(self.feature_extractor(samples))
        return self.encoder(self.post_extract_proj(frames))


class Qama(nn.Module):
    """The authors' network: MOS from samples as they are, with heads that they tried too."""

    def __init__(self, **sizes) -> None:
        super().__init__()
        self.ssl_model = FairseqWav2Vec2(**sizes)
        width = sizes["width"]
        self.fc1, self.fc2 = nn.Linear(width, 5), nn.Linear(5, 4)
        self.output_layer_arch1 = nn.Linear(width, 1)
        self.output_layer_arch2, self.output_layer_class = nn.Linear(4, 1), nn.Linear(width, 5)

    def forward(self, samples: Tensor) -> Tensor:
        """Return MOS (n,)."""
        return self.output_layer_arch1(self.ssl_model(samples).mean(dim=1)).squeeze(1)
