"""Fingerprints: what a stored result depends on, as one hash.

A result is current exactly if its fingerprint is: {stage, stage version, the stage's settings,
upstream fingerprints, tool versions}, as canonical JSON under blake2b.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from typing import Any

SHORT = 12
"""Length of the fingerprint in folder names; footers carry it whole."""


def digest(value: Any) -> str:
    """Hash any JSON-like value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@functools.cache
def tool_version(distribution: str) -> str:
    """Return the installed version of a Python distribution, "absent" if there is none."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def stage_fingerprint(
    *,
    stage: str,
    version: int,
    settings: Mapping[str, Any],
    upstream: Iterable[str],
    tools: Iterable[str],
) -> str:
    """Fingerprint of a stage's results."""
    return digest(
        {
            "stage": stage,
            "version": version,
            "settings": dict(settings),
            "upstream": list(upstream),
            "tools": {name: tool_version(name) for name in tools},
        }
    )
