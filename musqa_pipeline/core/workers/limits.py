"""Limits of one task, from the environment: they stop what hangs or swells, and change no byte."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError

DEFAULT_TIME_S = 3600.0
"""The longest unit measured takes minutes (all degradations of an excerpt, all its labels)."""


@dataclass(frozen=True)
class Limits:
    """How long a task may take, and how much memory its process may use."""

    time_s: float = DEFAULT_TIME_S
    memory_gb: float | None = None
    """In 10^9 bytes, resident, the programs that it runs included; no limit when None."""


def limits_from_environment() -> Limits:
    """Read `MUSQA_UNIT_TIMEOUT_S` and `MUSQA_WORKER_MEMORY_GB`."""
    time_s = _positive("MUSQA_UNIT_TIMEOUT_S", "seconds, as in 3600")
    memory_gb = _positive("MUSQA_WORKER_MEMORY_GB", "gigabytes, as in 4")
    return Limits(DEFAULT_TIME_S if time_s is None else time_s, memory_gb)


def _positive(name: str, unit: str) -> float | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise SettingsError(f"{name}={text!r}: expected a positive number of {unit}")
    return value
