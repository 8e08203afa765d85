"""Mean opinion scores with 95 % intervals, from ratings or from a table that has them already."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musqa_pipeline.core.csv_files import number, read_rows, require_columns
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.ratings import Ratings
from musqa_pipeline.studies.statistics.intervals import mean_interval


@dataclass(frozen=True)
class Opinion:
    """What listeners think of one excerpt."""

    file: str
    mos: float
    """Mean over listeners, on the scale of the ratings."""
    half_width: float | None
    """Half the 95 % interval of the mean (Student's t); None with a single listener or where a
    table has none."""
    n_raters: int | None
    """None where a table does not say."""
    sd: float | None
    """Standard deviation over listeners."""
    condition: str = ""
    recording: str = ""
    scale: tuple[float, float] | None = None
    """Ends of the scale of the ratings; None where a table does not say."""


def mean_opinions(ratings: Ratings) -> list[Opinion]:
    """Average scores over the listeners that are kept, in the order in which excerpts appear.

    A listener who rated an excerpt twice counts once, with the mean of both.

    Raises
    ------
    SettingsError
        If no listener is left.
    """
    if not ratings.scores:
        raise SettingsError("no listener is left; look at the rejections, or loosen the thresholds")
    by_file: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    facts: dict[str, tuple[str, str]] = {}
    for r in ratings.scores:
        by_file[r.file][r.rater].append(r.score)
        facts.setdefault(r.file, (r.condition, r.recording))
    opinions = []
    for file, by_rater in by_file.items():
        scores = np.array([np.mean(own) for own in by_rater.values()])
        mos, ends = mean_interval(scores)
        half = (ends[1] - ends[0]) / 2 if ends else None
        sd = float(scores.std(ddof=1)) if len(scores) > 1 else None
        opinions.append(Opinion(file, mos, half, len(scores), sd, *facts[file]))
    return opinions


def read_opinions(path: Path, renamed: Mapping[str, str] | None = None) -> list[Opinion]:
    """Read mean opinion scores.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``file`` and ``mos``; ``ci`` (half the 95 % interval),
        ``n_raters``, ``sd``, ``condition``, ``recording``, ``scale_low`` and ``scale_high`` are
        used if there.
    renamed : mapping of str to str, optional
        Columns of another name: name here -> name in the file.

    Returns
    -------
    list of Opinion

    Raises
    ------
    SettingsError
        If the file cannot be used, a number is none, a ``ci`` is negative, a scale has not two
        ends in order or a file is named twice.
    """
    header, rows = read_rows(path, renamed)
    require_columns(path, header, ["file", "mos"])
    opinions: dict[str, Opinion] = {}
    for row in rows:
        half, n_raters, sd, low, high = (
            number(path, row, name) if row.get(name) else None
            for name in ("ci", "n_raters", "sd", "scale_low", "scale_high")
        )
        if half is not None and half < 0:
            raise SettingsError(f"{path}: ci={half} of {row['file']}: expected 0 or more")
        ends = None if low is None or high is None else (low, high)
        if (low is None) != (high is None) or (ends and ends[0] >= ends[1]):
            raise SettingsError(
                f"{path}: scale_low={low} and scale_high={high} of {row['file']}: expected both, "
                "the low end first"
            )
        if row["file"] in opinions:
            raise SettingsError(f"{path} names {row['file']} twice; keep one line of each file")
        opinions[row["file"]] = Opinion(
            row["file"],
            number(path, row, "mos"),
            half,
            None if n_raters is None else math.floor(n_raters),
            sd,
            row.get("condition", ""),
            row.get("recording", ""),
            ends,
        )
    return list(opinions.values())
