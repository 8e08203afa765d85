"""TOML from outside: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import tomllib
from typing import Any


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML that somebody else wrote.

    Raises ValueError if it is no TOML, nests too deeply or holds a number that Python refuses.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("arrays or tables are nested too deeply") from None
