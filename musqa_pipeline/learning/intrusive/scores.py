"""Listening scores of pairs of files, and the images to learn them from."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musqa_pipeline.audio.features.gammatone_bands import pair_image
from musqa_pipeline.audio.features.pair_alignment import cut_to_common, find_lag_samples
from musqa_pipeline.audio.metrics.pair_files import ReferenceFile
from musqa_pipeline.core.csv_files import number, read_rows
from musqa_pipeline.core.errors import SettingsError, UnfitInputError

COLUMNS = ("file_ref", "file_deg", "mos")
LOWEST_MOS, HIGHEST_MOS = 1.0, 5.0
Z_95 = 1.96
MODEL_SD = 0.25
"""Standard deviation in MOS that no score is trusted beyond: else a score with a tiny interval
would outweigh all others."""


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """Pairs of files with what listeners said of them."""

    references: tuple[str, ...]
    """Names of the references, as in the file; pairs of one reference stay together."""
    degraded: tuple[str, ...]
    mos: NDArray[np.float64]
    """Mean opinion scores, 1 to 5."""
    weights: NDArray[np.float64]
    """Inverse variances, of mean 1; all 1 without intervals."""
    images: Tensor
    """float32, shape (pairs, frames, 2 * N_BANDS); shorter pairs are repeated to the longest."""


def read_scores(path: Path) -> ScoredPairs:
    """Read scores and analyse the files that they are about.

    Parameters
    ----------
    path : Path
        CSV with the columns ``file_ref``, ``file_deg`` (paths relative to the file), ``mos`` from
        1 to 5 and perhaps ``ci``, the half width of a 95 % interval in MOS.

    Returns
    -------
    ScoredPairs
        In the order of the file.

    Raises
    ------
    SettingsError
        If the table cannot be used, or files of it cannot; all such files are named.
    """
    header, rows = read_rows(path)
    lacking = [name for name in COLUMNS if name not in header]
    if lacking:
        raise SettingsError(
            f"{path} has no column {' and '.join(lacking)}; its first line should name the columns "
            "file_ref,file_deg,mos and perhaps ci"
        )
    mos = np.array([number(path, row, "mos") for row in rows])
    outside = mos[(mos < LOWEST_MOS) | (mos > HIGHEST_MOS)]
    if len(outside):
        raise SettingsError(
            f"{path}: mos={outside[0]:g}: expected 1 to 5; turn a scale of 0-100 into 1 + score / "
            "25 first"
        )
    ci = np.array([number(path, row, "ci") for row in rows]) if "ci" in header else None
    images = _images(path, [(row["file_ref"], row["file_deg"]) for row in rows])
    return ScoredPairs(
        tuple(row["file_ref"] for row in rows),
        tuple(row["file_deg"] for row in rows),
        mos,
        score_weights(ci, len(rows)),
        repeat_to_longest(images),
    )


def score_weights(ci: NDArray[np.float64] | None, n_rows: int) -> NDArray[np.float64]:
    """Weigh scores by how sure they are: by inverse variances, divided by their mean.

    `ci` are half widths of 95 % intervals in MOS; `MODEL_SD` is added to each. Without
    them all weigh the same.
    """
    if ci is None:
        return np.ones(n_rows)
    weights = 1.0 / (MODEL_SD**2 + np.square(ci / Z_95))
    return np.asarray(weights / weights.mean())


def repeat_to_longest(images: Sequence[Tensor]) -> Tensor:
    """Repeat shorter images (frames, columns) in time, so that all have one shape, and stack them.

    The network takes their mean over time, which repeating hardly moves.
    """
    longest = max(len(image) for image in images)
    return torch.stack([image.repeat(-(-longest // len(image)), 1)[:longest] for image in images])


def _images(path: Path, names: Sequence[tuple[str, str]]) -> list[Tensor]:
    images, refused = [], []
    read_reference = functools.lru_cache(maxsize=1)(ReferenceFile)
    for reference, degraded in names:
        try:
            file = read_reference(path.parent / reference)
            signal, _ = file.read_degraded(path.parent / degraded)
            first, second = file.signal.samples, signal.samples
            cut = cut_to_common(first, second, find_lag_samples(first, second))
            images.append(torch.from_numpy(pair_image(*cut)))
        except UnfitInputError as error:
            refused.append(f"{degraded} ({reference}): {error.detail}; {error.advice}")
    if refused:
        listing = "\n".join(f"  {text}" for text in refused[:20])
        raise SettingsError(
            f"{path}: {len(refused)} of {len(names)} pairs cannot be used; mend them or delete "
            f"their lines:\n{listing}"
        )
    return images
