"""The image of a segment: decibels of mel bands over time, each image rescaled to [-1, 1].

Paper 000 takes STFT magnitudes (Hann) and mel bands, and rescales each image. Floor and mel formula
are ours: 80 dB below the loudest cell, and Slaney's (`audio/features/filterbank.py`). Images are
made where the training runs. Tensor names end in axis letters: N segment, S sample, F frequency,
H band (from low to high), W frame.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from musqa_pipeline.audio.features.filterbank import mel_filters
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.learning.gan.segments import ImageSpec

BLANK = -1.0
"""Every cell of the image of silence; any other image has a 1 somewhere."""


def images_of(pcm_ns: Tensor, spec: ImageSpec) -> Tensor:
    """Make the images of segments.

    Parameters
    ----------
    pcm_ns : Tensor
        Segments at the spec's rate, shape (n, `spec.segment_samples`), on any device; integers or
        floats, whose level does not matter.
    spec : ImageSpec
        Geometry.

    Returns
    -------
    Tensor of float32, shape (n, 1, size, size)
        From -1 to 1, low bands first; that of silence is `BLANK`. Segments of which an image
        shows nothing are told before: `segments.is_silent`.

    Raises
    ------
    UnfitInputError
        If segments have another length.
    """
    if pcm_ns.shape[1] != spec.segment_samples:
        raise UnfitInputError(
            "wrong_length", f"a segment has {pcm_ns.shape[1]} samples, not {spec.segment_samples}",
            "cut it to length",
        )  # fmt: skip
    window_s, filters_hf = _tools(spec, pcm_ns.device)
    with torch.autocast(pcm_ns.device.type, enabled=False):
        spectrum_nfw = torch.stft(
            pcm_ns.float(), spec.window_samples, spec.hop_samples, window=window_s, center=False,
            return_complex=True,
        )  # fmt: skip
        mel_nhw = filters_hf @ spectrum_nfw.abs()
        loudest_n11 = mel_nhw.amax(dim=(1, 2), keepdim=True).clamp(min=torch.finfo().tiny)
        relative_nhw = (mel_nhw / loudest_n11).clamp(min=10 ** (-spec.range_db / 20))
        level_db_nhw = 20 * torch.log10(relative_nhw)
        lowest_n11 = level_db_nhw.amin(dim=(1, 2), keepdim=True)
        span_n11 = (level_db_nhw.amax(dim=(1, 2), keepdim=True) - lowest_n11).clamp(min=1e-9)
        return (2 * (level_db_nhw - lowest_n11) / span_n11 - 1).unsqueeze(1)


@functools.cache
def _tools(spec: ImageSpec, device: torch.device) -> tuple[Tensor, Tensor]:
    filters = mel_filters(spec.sample_rate_hz, spec.window_samples, spec.size).toarray()
    window_s = torch.hann_window(spec.window_samples, dtype=torch.float64).float()
    return window_s.to(device), torch.from_numpy(filters).to(device)
