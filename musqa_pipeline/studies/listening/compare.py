"""A model or metric against the opinions of listeners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.csv_files import number, read_rows, require_columns
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.mos import Opinion
from musqa_pipeline.studies.listening.ratings import REFERENCE
from musqa_pipeline.studies.statistics.agreement import Estimate, agreement
from musqa_pipeline.studies.statistics.mapping import MonotoneCubic, fit_monotone_cubic

MIN_FILES = 5
"""Fewer excerpts than this have no mapping."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Opinions and predictions of the same excerpts."""

    opinions: tuple[Opinion, ...]
    predicted: NDArray[np.float64]
    """Shape (excerpts,), on the model's own scale."""
    n_without_prediction: int
    n_without_opinion: int

    @property
    def mos(self) -> NDArray[np.float64]:
        """Mean opinion scores, shape (excerpts,)."""
        return np.array([o.mos for o in self.opinions])

    @property
    def half_width(self) -> NDArray[np.float64] | None:
        """Half the 95 % intervals, shape (excerpts,); None unless every excerpt has one."""
        widths = [o.half_width for o in self.opinions if o.half_width is not None]
        return np.array(widths) if len(widths) == len(self.opinions) else None

    @property
    def recording(self) -> NDArray[np.str_] | None:
        """Recordings, shape (excerpts,); None unless every excerpt has one."""
        names = [o.recording for o in self.opinions if o.recording]
        return np.array(names) if len(names) == len(self.opinions) else None

    @property
    def mapping(self) -> MonotoneCubic | None:
        """The monotone cubic from predictions to opinions."""
        return fit_monotone_cubic(self.mos, self.predicted)


def read_predictions(path: Path, renamed: Mapping[str, str] | None = None) -> dict[str, float]:
    """Read what a model or metric says.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``file`` and ``predicted``.
    renamed : mapping of str to str, optional
        Columns of another name: name here -> name in the file.

    Returns
    -------
    dict of str to float

    Raises
    ------
    SettingsError
        If the file cannot be used, a prediction is no number or a file is named twice.
    """
    header, rows = read_rows(path, renamed)
    require_columns(path, header, ["file", "predicted"])
    found: dict[str, float] = {}
    for row in rows:
        if row["file"] in found:
            raise SettingsError(f"{path} names {row['file']} twice; keep one line of each file")
        found[row["file"]] = number(path, row, "predicted")
    return found


def read_repetitions(
    path: Path, renamed: Mapping[str, str] | None = None
) -> dict[tuple[str, int], dict[str, float]]:
    """Read what repetitions of networks say.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``file``, ``model`` and ``predicted``, in points of 100;
        ``repetition`` (a whole number, 0 if left out) is used if there.
    renamed : mapping of str to str, optional
        Columns of another name: name here -> name in the file.

    Returns
    -------
    dict of (str, int) to dict of str to float
        By network and repetition, by file.

    Raises
    ------
    SettingsError
        If the file cannot be used, a number is none or a line is there twice.
    """
    header, rows = read_rows(path, renamed)
    require_columns(path, header, ["file", "model", "predicted"])
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        repetition = number(path, row, "repetition") if row.get("repetition") else 0.0
        if repetition != int(repetition):
            raise SettingsError(
                f"{path}: repetition={row['repetition']} of {row['file']}: expected a whole number"
            )
        values = found.setdefault((row["model"], int(repetition)), {})
        if row["file"] in values:
            raise SettingsError(
                f"{path} has two lines of {row['file']} by {row['model']}, repetition "
                f"{int(repetition)}; keep one"
            )
        values[row["file"]] = number(path, row, "predicted")
    return found


def match(
    opinions: Sequence[Opinion], predictions: Mapping[str, float], *, references: bool = False
) -> Matched:
    """Bring opinions and predictions together by file, in the order of the opinions.

    Parameters
    ----------
    opinions : sequence of Opinion
    predictions : mapping of str to float
        From `read_predictions`. Where no name matches as it stands, names without folders do.
    references : bool
        Whether hidden references count; paper 001 compares degraded excerpts and anchors alone.

    Returns
    -------
    Matched

    Raises
    ------
    SettingsError
        If fewer than `MIN_FILES` match.
    """
    wanted = [o for o in opinions if references or o.condition != REFERENCE]
    for short in (str, _without_folder):
        known = {short(file): value for file, value in predictions.items()}
        both = tuple(o for o in wanted if short(o.file) in known)
        rated = {short(o.file) for o in opinions}
        if both and len(known) == len(predictions) and len(rated) == len(opinions):
            break
    else:
        both = ()
    if len(both) < MIN_FILES:
        raise SettingsError(
            f"{len(both)} of {len(wanted)} rated excerpts have a prediction: expected {MIN_FILES} "
            f"or more; files are called, for example, {wanted[0].file if wanted else 'nothing'} in "
            f"the ratings and {next(iter(predictions), 'nothing')} in the predictions"
        )
    return Matched(
        both,
        np.array([known[short(o.file)] for o in both]),
        n_without_prediction=len(wanted) - len(both),
        n_without_opinion=len(known.keys() - rated),
    )


def _without_folder(file: str) -> str:
    return Path(file).name


def compare(
    matched: Matched, *, n_draws: int = 1000, seed: int = 0, threshold: float | None = None
) -> list[Estimate]:
    """Compute every metric, as predictions are and after the mapping of ITU-T P.1401.

    A mapping changes neither ranks nor the ranking accuracy, but where it is flat it makes ties.

    Parameters
    ----------
    matched : Matched
    n_draws, seed : int
        Resamples of recordings, where they are known.
    threshold : float, optional
        Of the ranking accuracy, on the scale of the opinions; by default the mean full width of
        their intervals.

    Returns
    -------
    list of Estimate
        First without mapping, then with it.
    """
    found = []
    for mapped in (False, True):
        found += agreement(
            matched.mos,
            matched.predicted,
            "listening",
            seed,
            half_width=matched.half_width,
            recording=matched.recording,
            mapped=mapped,
            threshold=threshold,
            n_draws=n_draws,
        )
    return found
