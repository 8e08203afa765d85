"""From a home to its store."""

from __future__ import annotations

from musqa_pipeline.homes import Home
from musqa_pipeline.lake.local_store import LocalStore
from musqa_pipeline.lake.store import Store


def open_store(home: Home) -> Store:
    """Return the store of a home.

    Parameters
    ----------
    home : Path
        `MUSQA_HOME`; made on first write.

    Returns
    -------
    Store
        Cheap to make again.
    """
    return LocalStore(home)
