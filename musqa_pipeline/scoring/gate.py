"""The gate: which scores are good enough, and which fell since a baseline was written."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.core.csv_files import unguarded, write_csv
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.scoring.batch import Result

DEFAULT_MAX_DROP = 0.1
"""Two encodes of one recording that sound alike differ by less."""


@dataclass(frozen=True)
class Rules:
    """What a file must fulfil."""

    min_mos: float | None = None
    """Least score; None for none."""
    sure: bool = False
    """Whether the lower end of the interval must reach `min_mos`, and not the score alone."""
    baseline: Mapping[str, float] | None = None
    """Earlier score by file; None for none."""
    max_drop: float = DEFAULT_MAX_DROP
    """How far a score may lie below the baseline."""
    allow_abstained: bool = False
    """Whether a file without a score passes."""

    def __post_init__(self) -> None:
        for name, value in (("min_mos", self.min_mos), ("max_drop", self.max_drop)):
            if value is not None and math.isnan(value):  # nothing is below it
                raise SettingsError(f"{name}={value:g}: expected a number")


@dataclass(frozen=True)
class Check:
    """What the gate says of a file."""

    file: str
    mos: float | None
    mos_low: float | None
    mos_high: float | None
    word: str
    baseline_mos: float | None
    """Its earlier score; None if the baseline has none."""
    reasons: tuple[str, ...]
    """Why it does not pass; empty if it does."""

    @property
    def passed(self) -> bool:
        """Whether the file passes."""
        return not self.reasons


def check(result: Result, rules: Rules) -> Check:
    """Hold a file against the rules, and say all that is against it."""
    score, before = result.score, (rules.baseline or {}).get(result.name)
    mos = None if score is None else score.mos
    low = None if score is None else score.mos_low
    reasons = []
    if score is None:
        reasons.append(result.error)
    elif mos is None:
        if not rules.allow_abstained:
            reasons.append(f"no score: {score.reason}")
    elif not math.isfinite(mos):
        reasons.append("its score is no number; use another model")
    else:
        reasons += _too_low(mos, low, score.cause, rules)
        if before is not None and before - mos > rules.max_drop:
            reasons.append(
                f"fell by {before - mos:.2f} from {before:.2f}, more than {rules.max_drop:g}"
            )
    return Check(
        file=result.name,
        mos=mos,
        mos_low=low,
        mos_high=None if score is None else score.mos_high,
        word="" if score is None else score.word,
        baseline_mos=before,
        reasons=tuple(reasons),
    )


def read_baseline(path: Path, model: str) -> dict[str, float]:
    """Read a baseline, or what ``musqa score --csv`` wrote: the score by file.

    Parameters
    ----------
    path : Path
        CSV with the columns ``file`` and ``mos``; rows without a score are left out.
    model : str
        Name and version of the model in use.

    Raises
    ------
    SettingsError
        If the file cannot be read, lacks a column, holds no number where one is expected, or was
        written with another model (column ``model``).
    """
    scores: dict[str, float] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if not {"file", "mos"} <= set(reader.fieldnames or ()):
                raise SettingsError(
                    f"baseline {path}: expected the columns file,mos; write one with "
                    "musqa gate FILES --write-baseline FILE.csv"
                )
            for row in reader:
                if row.get("model") and row["model"] != model:
                    raise SettingsError(
                        f"baseline {path} is of the model {row['model']!r}, and now {model!r} "
                        "scores; write it anew with --write-baseline"
                    )
                if row["mos"]:
                    scores[unguarded(row["file"])] = _number(row["mos"], path, reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"cannot read the baseline {path}: {reason}") from error
    return scores


def write_baseline(path: Path, results: Iterable[Result]) -> int:
    """Write the scores of a run, for later runs to be held against, and return how many there are.

    They go by name; results without a score are left out. Raise LakeError if the file cannot be
    written.
    """
    rows = sorted(
        (result.name, f"{result.score.mos:.4f}", result.score.model)
        for result in results
        if result.score is not None and result.score.mos is not None
    )
    with (
        whole_file(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        write_csv(stream, [("file", "mos", "model"), *rows])
    return len(rows)


def _too_low(mos: float, low: float | None, cause: str, rules: Rules) -> list[str]:
    if rules.min_mos is None:
        return []
    because = f" ({cause})" if cause else ""
    if rules.sure:
        if low is None:
            return ["the model gives no interval; leave --sure out, or use a calibrated model"]
        if not low >= rules.min_mos:
            return [f"the interval reaches down to {low:.2f}, below {rules.min_mos:g}{because}"]
    elif mos < rules.min_mos:
        return [f"{mos:.2f} is below {rules.min_mos:g}{because}"]
    return []


def _number(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SettingsError(f"baseline {path}, line {line}: mos={text!r} is no number; mend it")
    return value
