"""Vinylset's label file: what listeners said of 620 excerpts of vinyl records (paper 004).

The file lies in the public repository of the paper's authors; audio is not needed to read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.csv_files import number, read_rows
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.mos import Opinion

LABEL_FILE = "vinylset_MOS.txt"
COLUMNS = ("filename", "label", "c", "mosgroup", "CI", "std", "dcec_prediction")
SCALE = (1.0, 5.0)


@dataclass(frozen=True, eq=False)
class Vinylset:
    """Rated tracks in the order of the file; arrays have the shape (tracks,)."""

    opinions: tuple[Opinion, ...]
    mos_class: NDArray[np.intp]
    """Which quantile class of the mean opinions, from 1 on: `mosgroup` without its Q."""
    cluster: NDArray[np.intp]
    """By K-means on 253 audio features, from 0 on; all have as many tracks (section 2)."""
    dcec_cluster: NDArray[np.intp]
    """By deep embedded clustering, from 1 on."""

    @property
    def mos(self) -> NDArray[np.float64]:
        """Mean opinion scores, 1 to 5."""
        return np.array([o.mos for o in self.opinions])

    @property
    def half_width(self) -> NDArray[np.float64]:
        """Half the 95 % intervals of the means."""
        return np.array([o.half_width for o in self.opinions], dtype=np.float64)


def read_vinylset(path: Path) -> Vinylset:
    """Read the label file.

    Its `CI` is half the width of the 95 % interval, 1.96 standard errors: with `std` it gives whole
    numbers of 10 to 21 listeners, as the paper has them.

    Raises SettingsError if the file cannot be used, lacks a column, names a track twice, or a value
    is none that its column can have.
    """
    header, rows = read_rows(path)
    if lacking := [name for name in COLUMNS if name not in header]:
        raise SettingsError(
            f"{path} has no column {' and '.join(lacking)}: expected Vinylset's label file, with "
            f"{', '.join(COLUMNS)}; get it again"
        )
    opinions: dict[str, Opinion] = {}
    for row in rows:
        name = row["filename"]
        if name in opinions:
            raise SettingsError(f"{path} names {name} twice; keep one line of each track")
        mos, half, sd = (number(path, row, column) for column in ("label", "CI", "std"))
        if not SCALE[0] <= mos <= SCALE[1]:
            raise SettingsError(f"{path}: label={mos:g} of {name}: expected a rating from 1 to 5")
        if half < 0 or sd < 0:
            raise SettingsError(f"{path}: CI={half:g}, std={sd:g} of {name}: expected 0 or more")
        opinions[name] = Opinion(name, mos, half, None, sd, scale=SCALE)
    return Vinylset(
        tuple(opinions.values()),
        *(
            np.array([_whole(path, row, column, prefix) for row in rows], dtype=np.intp)
            for column, prefix in (("mosgroup", "Q"), ("c", ""), ("dcec_prediction", ""))
        ),
    )


def _whole(path: Path, row: dict[str, str], column: str, prefix: str) -> int:
    if not re.fullmatch(rf"{prefix}[0-9]{{1,9}}", row[column]):
        raise SettingsError(
            f"{path}: {column}={row[column]!r} of {row['filename']}: expected a number such as "
            f"{prefix}7"
        )
    return int(row[column].removeprefix(prefix))
