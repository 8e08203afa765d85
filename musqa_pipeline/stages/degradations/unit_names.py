"""How units of the stages `degradations` and `labels` are called after their reference."""

from __future__ import annotations

_COUNT = "-n"


def unit_id_of(excerpt_id: str, n_cascades: int) -> str:
    """Name the unit of a reference in the stages `degradations` and `labels`."""
    return f"{excerpt_id}{_COUNT}{n_cascades}"


def excerpt_id_of(unit_id: str) -> str:
    """Return the reference of a unit, of whatever round."""
    return unit_id.rpartition(_COUNT)[0]
