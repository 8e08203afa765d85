"""Where musqa's folders are: the checkout, and `MUSQA_HOME` with everything that is made."""

from __future__ import annotations

import os
from pathlib import Path

from musqa_pipeline.errors import MusqaError
from musqa_pipeline.homes import Home, parse_home

MARKER = "dagster.yaml"
"""File at the root of a checkout."""


def find_checkout() -> Path | None:
    """Find the checkout: `MUSQA_PROJECT`, or the nearest folder upwards with a ``dagster.yaml``.

    Returns
    -------
    Path or None
        Its absolute path, None if there is none.

    Raises
    ------
    MusqaError
        If `MUSQA_PROJECT` is set but is no checkout.
    """
    named = os.environ.get("MUSQA_PROJECT")
    if named:
        root = Path(named).expanduser().absolute()
        if not (root / MARKER).is_file():
            raise MusqaError(f"MUSQA_PROJECT={named}: no {MARKER} there; set it to a checkout")
        return root
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / MARKER).is_file()), None)


def require_checkout() -> Path:
    """Return the checkout.

    Returns
    -------
    Path
        Its absolute path.

    Raises
    ------
    MusqaError
        If there is none.
    """
    root = find_checkout()
    if root is None:
        raise MusqaError(
            "no checkout of musqa found here; change into one, or set MUSQA_PROJECT to its path"
        )
    return root


def home_folder() -> Home:
    """Return `MUSQA_HOME`, by default ``data`` in the checkout (or here, outside of one).

    Returns
    -------
    Path or ObjectHome
        A path is absolute; it may not exist yet.

    Raises
    ------
    SettingsError
        If it is a URL that cannot be used.
    """
    named = os.environ.get("MUSQA_HOME")
    if named:
        return parse_home(named)
    return default_home()


def default_home() -> Path:
    """Return the home that holds where `MUSQA_HOME` is not set."""
    return (find_checkout() or Path.cwd()) / "data"
