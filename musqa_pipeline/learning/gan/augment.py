"""Augmentation in time alone, through which gradients reach the generator.

Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020,
arXiv:2006.10738, shift and cut out in both directions and change colours; what would change
frequencies or levels here would teach the discriminator to bear what it shall hear.
"""

from __future__ import annotations

import torch
from torch import Tensor

from musqa_pipeline.learning.gan.images import BLANK

SHIFTED_FRAC = 1 / 8
"""Of an image's frames, at most, to either side; what is beside the image is its last frame."""
CUT_FRAC = 1 / 4
"""Of its frames, which are silent then."""


def in_time(images_n1hw: Tensor) -> Tensor:
    """Shift each image and cut frames out, by torch's global generator."""
    n, _, n_bands, n_frames = images_n1hw.shape
    device = images_n1hw.device
    reach, n_cut = int(SHIFTED_FRAC * n_frames), int(CUT_FRAC * n_frames)
    frames_w = torch.arange(n_frames, device=device)
    shift_n1 = torch.randint(-reach, reach + 1, (n, 1)).to(device)
    start_n1 = torch.randint(1 - n_cut, n_frames, (n, 1)).to(device)
    source_nw = (frames_w + shift_n1).clamp(0, n_frames - 1)
    source_n1hw = source_nw[:, None, None].expand(n, 1, n_bands, n_frames)
    is_cut_nw = (frames_w >= start_n1) & (frames_w < start_n1 + n_cut)
    shifted_n1hw = images_n1hw.gather(3, source_n1hw)
    return shifted_n1hw.masked_fill(is_cut_nw[:, None, None], BLANK)
