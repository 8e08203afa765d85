"""Has a catalog arrived, did it change since, can it be used? A pure function with a memory.

The clock and the check of a catalog are given by the caller.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from musqa_pipeline.core.errors import MusqaError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.operations.discovery.folder import FolderState

MEMORY_VERSION = 1


class CatalogState(StrEnum):
    """What is to be done about a catalog."""

    REQUEST = "request"
    """It has arrived, or changed since: its stages are to run."""
    KNOWN = "known"
    """Its stages were requested for exactly this state, or are all done."""
    SETTLING = "settling"
    """Something in it changed a moment ago; it is looked at again."""
    FETCHING = "fetching"
    """Files of its prefix are still being copied here."""
    REFUSED = "refused"
    """It cannot be used as it is; it is tried again when it changes."""
    GONE = "gone"
    """Its folder cannot be seen; nothing is retired."""
    UNSEEN = "unseen"
    """The preset does not use it."""


@dataclass(frozen=True)
class Past:
    """What is remembered of a catalog between two looks."""

    files: str = ""
    """State of its files at the last look."""
    since_s: float = 0.0
    """Since when they are in that state, as far as is known."""
    requested: str = ""
    """State that its stages were requested for."""
    n_requests: int = 0
    refused: str = ""
    """State that was refused last."""
    reason: str = ""
    """Why it was."""
    ready_ns: int | None = None
    """The `READY` file that was acted on; the same one says nothing about later changes."""
    said: str = ""
    """What the last look said of it."""


@dataclass(frozen=True)
class Decision:
    """What a look at one catalog led to."""

    verdict: CatalogState
    reason: str
    """A sentence for people."""
    past: Past
    """What to remember."""


def decide(
    seen: FolderState,
    past: Past,
    *,
    settings: str,
    now_s: float,
    quiet_s: float,
    check: Callable[[], object],
    is_finished: Callable[[], bool],
) -> Decision:
    """Decide about one catalog whose folder can be seen.

    `check` raises MusqaError if it cannot be used; `is_finished` is asked of one that was never
    requested.
    """
    if seen.state != past.files or now_s < past.since_s:  # a clock that was set back starts anew
        past = replace(past, files=seen.state, since_s=min(now_s, seen.changed_s))
    quiet_for_s = now_s - past.since_s
    is_ready = seen.ready_ns is not None and seen.ready_ns != past.ready_ns
    state = state_of(seen, settings)
    if state == past.requested:
        return Decision(CatalogState.KNOWN, f"{seen.n_audio} audio files, requested before", past)
    if quiet_for_s < quiet_s and not is_ready:
        return Decision(
            CatalogState.SETTLING,
            f"{seen.n_audio} audio files, quiet for {quiet_for_s:.0f} of {quiet_s:.0f} s",
            past,
        )
    if state == past.refused:
        return Decision(CatalogState.REFUSED, past.reason, past)
    past = replace(past, ready_ns=seen.ready_ns)
    try:
        check()
    except MusqaError as error:
        past = replace(past, refused=state, reason=str(error))
        return Decision(CatalogState.REFUSED, str(error), past)
    if not past.requested and is_finished():
        past = replace(past, requested=state, refused="", reason="")
        return Decision(CatalogState.KNOWN, f"{seen.n_audio} audio files, all done before", past)
    came = "changed" if past.requested else "arrived"
    past = replace(past, requested=state, n_requests=past.n_requests + 1, refused="", reason="")
    return Decision(CatalogState.REQUEST, f"{seen.n_audio} audio files, {came}", past)


def state_of(seen: FolderState, settings: str) -> str:
    """Digest all that a request is made for."""
    return digest([seen.state, settings])


def write_memory(memory: Mapping[str, Past]) -> str:
    """Return the memory of all catalogs as text, for a cursor."""
    catalogs = {name: asdict(past) for name, past in sorted(memory.items())}
    return json.dumps({"version": MEMORY_VERSION, "catalogs": catalogs})


def read_memory(text: str | None) -> dict[str, Past]:
    """Read a memory back."""
    try:
        raw = json.loads(text or "")
        if raw["version"] != MEMORY_VERSION:
            return {}
        return {str(name): Past(**past) for name, past in raw["catalogs"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
