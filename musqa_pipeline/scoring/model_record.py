"""The record of a model file: the JSON in its metadata, checked before anything of it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.intervals import Calibration

FORMAT = 1
METADATA_KEY = "musqa"
PAIR_NETWORK = "insenet"
"""`network` in the record of a model that hears the reference, too."""
MAX_BYTES = 4_000_000
"""The shipped model's record has 27,000."""
MAX_DEPTH = 12
"""Of lists and objects in each other; a record has four."""
MAX_LABEL = 100
"""Letters of a name or a version."""


class RecordError(ValueError):
    """A record cannot be used; the text says what is wrong and what to do."""


def parse_record(text: str) -> dict[str, Any]:
    """Read a record of this format: plain values, whose texts can be written as UTF-8.

    Raise RecordError if it is too large, no JSON, nested too deep, or of another format.
    """
    if len(text) > MAX_BYTES:
        raise RecordError(
            f"its metadata have {len(text) / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:g} are read; "
            "export it again"
        )
    try:
        record = json.loads(text)
        deep = not _is_flat(record, MAX_DEPTH)
        json.dumps(record, ensure_ascii=False).encode()  # halves of letters cannot be shown
    except RecursionError:
        deep = True
    except ValueError as error:
        raise RecordError(f"its metadata are no JSON ({error}); export it again") from error
    if deep:
        raise RecordError(
            f"its metadata nest deeper than {MAX_DEPTH} levels, which no model of musqa's does; "
            "export it again"
        )
    found = record.get("format") if isinstance(record, dict) else None
    if found != FORMAT or isinstance(found, bool):
        raise RecordError(
            f"model format {repr(found)[:40]}, expected {FORMAT}; "
            "export it again with this version of musqa, or install the version that made it"
        )
    return dict(record)


def read_label(record: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return the name or the version of a model, which every score carries.

    Raise RecordError if it is no short text that can be shown; `default` is for none at all.
    """
    value = record.get(name)
    if value is None or value == "":
        return default
    text = str(value)
    if isinstance(value, bool | list | dict) or len(text) > MAX_LABEL or not text.isprintable():
        raise RecordError(
            f"its {name} is no text of at most {MAX_LABEL} letters that can be shown; "
            "export it again"
        )
    return text


def read_card(record: Mapping[str, Any]) -> str:
    """Return the model card, Markdown; empty if there is none."""
    card = record.get("card")
    if card is None:
        return ""
    if not isinstance(card, str):
        raise RecordError("its card is no text; export it again")
    return card


def read_steps(record: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the qualities that the probabilities are of: float64 (n,).

    Raise RecordError if they are anything but rising numbers within 0 to 1.
    """
    try:
        steps = np.asarray(record["step_quality"], dtype=np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        steps = np.zeros(0)
    rising = steps.ndim == 1 and len(steps) >= 2 and bool(np.all(np.diff(steps) > 0))
    if not (rising and steps[0] >= 0 and steps[-1] <= 1):
        raise RecordError("step_quality is no rising list of numbers from 0 to 1; export it again")
    return steps


def read_calibration(record: Mapping[str, Any]) -> Calibration | None:
    """Return how far intervals go, None without calibration; raise RecordError for a broken one."""
    calibration = record.get("calibration")
    try:
        return None if calibration is None else Calibration.from_record(calibration)
    except ValueError as error:
        raise RecordError(f"{error}; export the model again") from error


def _is_flat(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return True
    return levels > 0 and all(_is_flat(item, levels - 1) for item in value)
