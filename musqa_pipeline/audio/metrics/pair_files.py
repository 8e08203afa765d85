"""The files of a pair as a metric takes them, and what is known of a pair in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from musqa_pipeline.audio.files.pairs import Pair
from musqa_pipeline.audio.files.signals import Signal, read_signal
from musqa_pipeline.audio.metrics.score import SecondScore
from musqa_pipeline.core.errors import MusqaError, UnfitInputError

ScoreT = TypeVar("ScoreT")
MAX_DIFFERENCE_S = 1.0
"""Durations may differ by so much without a word; ViSQOL's own advice."""
SHORTEST_S = 0.6
"""One patch; what is shorter cannot hold any of the reference's."""


@dataclass(frozen=True, eq=False)
class PairLabel(Generic[ScoreT]):
    """What is known of one pair of files: a score of some metric, or an error."""

    reference: str
    degraded: str
    score: ScoreT | None = None
    """None if there is an error."""
    second: SecondScore | None = None
    """None if it was not asked for, or if there is an error."""
    warnings: tuple[str, ...] = ()
    """What was done to the files, or is odd about them; each names the file."""
    error: str = ""
    """What is wrong and what to do; empty if all is well."""


class ReferenceFile:
    """A reference that was read, as `signal`, for the files that are compared with it.

    Raises
    ------
    UnfitInputError
        If it cannot be read whole.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.signal = read_signal(path)
        except UnfitInputError as error:
            raise UnfitInputError(
                error.reason, f"reference: {error.detail}", error.advice
            ) from error

    def read_degraded(self, path: Path) -> tuple[Signal, tuple[str, ...]]:
        """Read a file that is compared with it, and what to know of both files.

        Each warning begins with ``reference: `` or ``degraded: ``.

        Raises
        ------
        UnfitInputError
            If it cannot be read whole, or is shorter than `SHORTEST_S`.
        """
        degraded = read_signal(path)
        if degraded.duration_s < SHORTEST_S:
            raise UnfitInputError(
                "too_short",
                f"it lasts {degraded.duration_s:.2f} s",
                f"ViSQOL compares patches of {SHORTEST_S} s; give it 3 to 10 s",
            )
        warnings = [f"reference: {text}" for text in self.signal.warnings]
        warnings += [f"degraded: {text}" for text in degraded.warnings]
        lengths = self.signal.duration_s, degraded.duration_s
        if abs(lengths[0] - lengths[1]) > MAX_DIFFERENCE_S:
            warnings.append(
                f"degraded: lasts {lengths[1]:.1f} s, its reference {lengths[0]:.1f} s; ViSQOL "
                f"expects them within {MAX_DIFFERENCE_S:.0f} s"
            )
        return degraded, tuple(warnings)


def attempt(label: Callable[[Pair], PairLabel[ScoreT]], pair: Pair) -> PairLabel[ScoreT]:
    """Return what `label` says of a pair, or what is wrong: one odd pair must not cost others.

    A `MusqaError` is raised all the same, because it is no fault of the pair.
    """
    try:
        return label(pair)
    except UnfitInputError as error:
        return failed(pair, f"{error.detail}; {error.advice}")
    except MusqaError:
        raise
    except Exception as error:
        return failed(pair, f"{type(error).__name__}: {error}; please report it")


def failed(pair: Pair, error: str) -> PairLabel[Any]:
    """Say what is wrong with a pair; `error` says what to do, too."""
    return PairLabel(pair.reference_name, pair.degraded_name, error=error)
