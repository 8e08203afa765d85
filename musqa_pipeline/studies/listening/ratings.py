"""Ratings as they come: webMUSHRA's results with the key of the test, or a plain table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from musqa_pipeline.core.csv_files import number, read_rows, require_columns, yes_or_no
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.webmushra import HEADPHONES, LISTENER

REFERENCE, LOW_ANCHOR, MID_ANCHOR = "reference", "anchor_3500", "anchor_7000"
"""Conditions that screening looks at."""
RATER_COLUMNS = ("session_uuid", LISTENER, "email", "name")
"""Columns of webMUSHRA's results that tell listeners apart; the first that is there counts."""
_OWN_ANCHORS = {"anchor35": LOW_ANCHOR, "anchor70": MID_ANCHOR}
"""What webMUSHRA calls the anchors that it makes itself."""


@dataclass(frozen=True)
class Rating:
    """One score by one listener."""

    rater: str
    file: str
    """The excerpt; the same for both presentations of a repeated one."""
    score: float
    page: str = ""
    """Where it was rated; the hidden reference and the anchors of a page are compared."""
    condition: str = ""
    """reference, anchor_3500, anchor_7000, the name of a process, or empty: not known."""
    recording: str = ""
    presentation: int = 1


@dataclass(frozen=True)
class Ratings:
    """All scores of a listening test."""

    scores: tuple[Rating, ...]
    headphones: Mapping[str, bool] = field(default_factory=dict)
    """What listeners report, by rater; who reports nothing is not in it."""

    @property
    def raters(self) -> list[str]:
        """Listeners in the order in which they appear."""
        return list(dict.fromkeys(rating.rater for rating in self.scores))

    def without(self, raters: Sequence[str]) -> Ratings:
        """Leave out listeners."""
        gone = set(raters)
        return Ratings(
            tuple(r for r in self.scores if r.rater not in gone),
            {rater: answer for rater, answer in self.headphones.items() if rater not in gone},
        )


def is_webmushra(header: Sequence[str]) -> bool:
    """Whether a table has the columns of a rated page of webMUSHRA's ``mushra.csv``."""
    return {"trial_id", "rating_stimulus", "rating_score"} <= set(header)


def read_webmushra(
    path: Path, key: Path | None = None, *, rater_column: str | None = None
) -> Ratings:
    """Read the results of webMUSHRA.

    Parameters
    ----------
    path : Path
        ``mushra.csv`` of the results folder, of any number of listeners.
    key : Path, optional
        ``key.csv`` that was written with the stimuli. Without it excerpts are called page/name,
        conditions are known as far as webMUSHRA names them (reference, anchor35, anchor70),
        repeats are not known and practice pages count.
    rater_column : str, optional
        The column that tells listeners apart; by default the first there of `RATER_COLUMNS`.

    Returns
    -------
    Ratings
        Practice pages left out.

    Raises
    ------
    SettingsError
        If the file or the key cannot be used, a name is not in the key, a score is no number, or
        a listener has rated the same sound twice.
    """
    header, rows = read_rows(path)
    require_columns(path, header, ["trial_id", "rating_stimulus", "rating_score"])
    columns = [rater_column] if rater_column else [c for c in RATER_COLUMNS if c in header]
    if not columns or columns[0] not in header:
        raise SettingsError(
            f"{path} has no column {' or '.join([rater_column] if rater_column else RATER_COLUMNS)}"
            f"; it has: {', '.join(header)}. Name the one that tells listeners apart with --rater"
        )
    known = _read_key(key) if key else None
    scores, headphones = [], {}
    for row in rows:
        rater, page, name = row[columns[0]], row["trial_id"], row["rating_stimulus"]
        if not rater:
            raise SettingsError(f"{path}: {columns[0]} of page {page} is empty; fill it in")
        answer = yes_or_no(path, row, HEADPHONES)
        if answer is not None:
            headphones[rater] = answer
        score = number(path, row, "rating_score")
        if known is None:
            condition = _OWN_ANCHORS.get(name, name)
            scores.append(Rating(rater, f"{page}/{name}", score, page, condition, page))
            continue
        if (page, name) not in known:
            raise SettingsError(
                f"{path}: {name} of page {page} is not in {key}; use the key that was written "
                "with this test"
            )
        entry = known[page, name]
        if yes_or_no(key or path, entry, "training"):
            continue
        scores.append(
            Rating(
                rater,
                entry["excerpt"],
                score,
                page,
                entry["condition"],
                entry["recording"],
                int(number(key or path, entry, "presentation")),
            )
        )
    return _checked(path, Ratings(tuple(scores), headphones))


def read_plain(path: Path, renamed: Mapping[str, str] | None = None) -> Ratings:
    """Read a plain table of scores.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``file``, ``rater`` and ``score``; ``page`` (else the recording
        stands for it), ``condition``, ``recording``, ``presentation`` (1 or 2) and ``headphones``
        (yes or no) are used if there.
    renamed : mapping of str to str, optional
        Columns of another name: name here -> name in the file.

    Returns
    -------
    Ratings

    Raises
    ------
    SettingsError
        If the file cannot be used, a score is no number, or a listener has rated the same
        presentation twice.
    """
    header, rows = read_rows(path, renamed)
    require_columns(path, header, ["file", "rater", "score"])
    scores, headphones = [], {}
    for row in rows:
        if not (row["file"] and row["rater"]):
            raise SettingsError(f"{path}: a line names no file or no rater; each needs both")
        answer = yes_or_no(path, row, HEADPHONES)
        if answer is not None:
            headphones[row["rater"]] = answer
        presentation = number(path, row, "presentation") if row.get("presentation") else 1
        recording = row.get("recording", "")
        scores.append(
            Rating(
                row["rater"],
                row["file"],
                number(path, row, "score"),
                row.get("page") or recording,
                row.get("condition", ""),
                recording,
                int(presentation),
            )
        )
    return _checked(path, Ratings(tuple(scores), headphones))


def require_within(path: Path, ratings: Ratings, scale: tuple[float, float]) -> None:
    """Refuse scores outside a scale; `path` is where they are from."""
    low, high = scale
    for r in ratings.scores:
        if not low <= r.score <= high:
            raise SettingsError(
                f"{path}: score {r.score:g} of {r.rater} for {r.file} lies outside {low:g} to "
                f"{high:g}; correct it, or give --scale"
            )


def _read_key(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    header, rows = read_rows(path)
    what = ["excerpt", "recording", "condition", "presentation", "training"]
    require_columns(path, header, ["trial", "stimulus", *what])
    return {(row["trial"], row["stimulus"]): row for row in rows}


def _checked(path: Path, ratings: Ratings) -> Ratings:
    seen = set()
    for r in ratings.scores:
        what = (r.rater, r.page, r.file, r.presentation)
        if what in seen:
            raise SettingsError(
                f"{path}: {r.rater} has rated {r.file} twice on the same page; keep one session "
                "of each listener, or mark repeats in a column presentation"
            )
        seen.add(what)
    if not ratings.scores:
        raise SettingsError(f"{path} holds practice pages only; it needs scored ones")
    return ratings
