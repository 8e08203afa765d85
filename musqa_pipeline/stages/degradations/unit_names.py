"""How units of the stages `degradations` and `labels` are called after their reference."""

from __future__ import annotations

_COUNT = "-n"


def unit_id_of(excerpt_id: str, n_cascades: int) -> str:
    """Name the unit of a reference in the stages `degradations` and `labels`.

    Parameters
    ----------
    excerpt_id : str
        The reference.
    n_cascades : int
        Number of its cascades, which the other references of the catalog can change.

    Returns
    -------
    str
        Safe as a file name; what a later round makes is called so too, and more follows.
    """
    return f"{excerpt_id}{_COUNT}{n_cascades}"


def excerpt_id_of(unit_id: str) -> str:
    """Return the reference of a unit, of whatever round."""
    return unit_id.rpartition(_COUNT)[0]
