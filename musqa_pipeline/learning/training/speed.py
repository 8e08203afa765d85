"""How fast a training is, and which share of a GPU's peak that is."""

from __future__ import annotations

import re

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from musqa_pipeline.learning.device import device_name, find_device, find_precision
from musqa_pipeline.learning.entry import ModelEntry, TrainingSettings
from musqa_pipeline.learning.networks.backbone import N_OUTPUTS, FrozenStemNetwork

PEAKS_TFLOP_PER_S: tuple[tuple[str, tuple[float, float, float]], ...] = (
    (r"H200|H100.*HBM3|H100 SXM", (67.0, 494.7, 989.4)),
    (r"H100.*PCIe", (51.2, 378.0, 756.0)),
    (r"A100", (19.5, 156.0, 312.0)),
    (r"L40S", (91.6, 183.0, 362.0)),
    (r"L4\b", (30.3, 60.0, 121.0)),
    (r"V100.*SXM", (15.7, 15.7, 125.0)),
    (r"T4\b", (8.1, 8.1, 65.0)),
)
"""Dense peaks of NVIDIA's data sheets by card: float32, TF32, mixed precision. Cards without TF32
have float32's number there, and V100 and T4 have their mixed peak in float16 alone."""


def training_flops_per_image(entry: ModelEntry, settings: TrainingSettings) -> int:
    """Count the operations of a training step for one image, without computing anything.

    They are those of the forward and backward passes (a multiplication and an addition are two),
    as `torch.utils.flop_counter` counts them. What needs no gradient, like the weights of a frozen
    backbone, has none; a loss of its own is not counted, nor what is before the head where the stem
    is frozen, too: epochs go over what came out of it.
    """
    with torch.device("meta"):
        # Not in training, where a wav2vec 2.0 asks chance which blocks to pass over.
        network: nn.Module = entry.build(settings).eval()
        images = torch.empty(1, entry.input.n_frames, entry.input.n_bands)
        if isinstance(network, FrozenStemNetwork):
            images = torch.empty(1, 1, N_OUTPUTS)
        with FlopCounterMode(display=False) as counter:
            network(images).sum().backward()
    return int(counter.get_total_flops())


def peak_flop_per_s(card: str, precision: str, *, tf32: bool) -> float | None:
    """Return what a card, by torch's name of it, can do at best, in float32 perhaps by TF32.

    It is None for a card that is not in the table, or bfloat16 on one that has none.
    """
    for pattern, (single, tensor, mixed) in PEAKS_TFLOP_PER_S:
        if re.search(pattern, card):
            if precision == "bf16-mixed" and re.search("V100|T4", card):
                return None
            peak = mixed if precision != "32" else tensor if tf32 else single
            return peak * 1e12
    return None


def share_here(entry: ModelEntry, settings: TrainingSettings, images_per_s: float) -> float | None:
    """Return which part of its peak, in 0-1, a training gets out of each of this machine's GPUs.

    It is None without a GPU, on one that is not in the table, or where a step is more than one
    loss.
    """
    device = find_device(settings.device)
    if device.type != "cuda" or entry.learner:
        return None
    tf32 = bool(torch.backends.cudnn.allow_tf32)
    precision = find_precision(settings.precision, device)
    peak = peak_flop_per_s(device_name(device), precision, tf32=tf32)
    if peak is None:
        return None
    flops = training_flops_per_image(entry, settings)
    return flops * images_per_s / (peak * settings.devices)
