"""Several recordings in memory: which lists are some, and what each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from musqa_pipeline.core.errors import UnfitInputError


class Array(Protocol):
    """An array of numpy, a tensor of torch and the like."""

    @property
    def shape(self) -> Any:
        """Length of each axis."""


def are_several(samples: Any) -> bool:
    """Whether this is a list or tuple of arrays, and not of numbers or of rows of numbers."""
    return (
        isinstance(samples, list | tuple)
        and len(samples) > 0
        and all(len(getattr(item, "shape", ())) > 0 for item in samples)
    )


def pairs_of(recordings: Iterable[Any], sample_rate_hz: int | None) -> Iterator[tuple[Any, int]]:
    """Give samples and sample rate of each; `sample_rate_hz` is that of all samples alone.

    Raise UnfitInputError where a pair is wanted and is none.
    """
    for number, recording in enumerate(recordings):
        if sample_rate_hz is not None:
            yield recording, sample_rate_hz
            continue
        if not isinstance(recording, tuple | list) or len(recording) != 2:
            kind = f"a {type(recording).__name__}"
            if isinstance(recording, tuple | list):
                kind += f" of {len(recording)}"
            raise UnfitInputError(
                "odd_format",
                f"recording {number} is {kind}, no pair",
                "give pairs (samples, sample_rate_hz), or sample_rate_hz for all",
            )
        yield recording[0], recording[1]
