"""Recordings in memory, in whatever array they come, as those of files are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files import limits
from musqa_pipeline.core.errors import UnfitInputError


def as_frames(samples: Any) -> NDArray[np.float32]:
    """Return samples as decoded files have them.

    Parameters
    ----------
    samples : array_like
        Floats of full scale 1.0, or 16- or 32-bit integers, of shape (frames,), (frames, channels)
        or (channels, frames): the side that is longer than `limits.MAX_CHANNELS` is that of the
        frames; if neither is, or both are, the first. A torch tensor may lie on any device.

    Returns
    -------
    ndarray of float32, shape (frames, channels)
        Full scale is 1.0. A view, where nothing had to be changed.

    Raises
    ------
    UnfitInputError
        If it is no such array, or a level is one that no audio has.
    """
    if hasattr(samples, "detach"):  # of torch, which need not be imported for it
        samples = samples.detach().cpu()
        if str(samples.dtype) == "torch.bfloat16":  # unknown to numpy
            samples = samples.float()
    try:
        array = np.asarray(samples)
    except ValueError as error:  # rows of several lengths
        raise UnfitInputError("odd_format", str(error), "give it an array") from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise UnfitInputError(
            "odd_format",
            f"shape={array.shape}",
            "give it an array of shape (frames,), (frames, channels) or (channels, frames)",
        )
    if array.shape[0] <= limits.MAX_CHANNELS < array.shape[1]:
        array = array.T
    if array.dtype in (np.int16, np.int32):
        return array.astype(np.float32) / np.float32(-float(np.iinfo(array.dtype).min))
    if array.dtype.kind != "f":
        raise UnfitInputError(
            "odd_format", f"dtype={array.dtype}", "give it floats, int16 or int32"
        )
    if array.dtype.itemsize > np.float32().itemsize:
        limits.check_level(array)  # what is too large for float32 would become infinite
    return array.astype(np.float32, copy=False)
