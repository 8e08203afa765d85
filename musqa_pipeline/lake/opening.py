"""From a home to its store."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from musqa_pipeline.errors import LakeError
from musqa_pipeline.homes import Home, ObjectHome
from musqa_pipeline.lake.local_store import LocalStore
from musqa_pipeline.lake.store import Store


def open_store(home: Home) -> Store:
    """Return the store of a home.

    Parameters
    ----------
    home : Path or ObjectHome
        `MUSQA_HOME`; made on first write.

    Returns
    -------
    Store
        Cheap to ask for again.

    Raises
    ------
    LakeError
        If it is on object storage and the libraries for that are absent.
    """
    return _open_bucket(home) if isinstance(home, ObjectHome) else LocalStore(home)


def place_here(home: Home) -> Path:
    """Return the folder of this machine that belongs to a home.

    Parameters
    ----------
    home : Path or ObjectHome
        `MUSQA_HOME`.

    Returns
    -------
    Path
        The home itself, or the scratch folder of one on object storage.
    """
    if isinstance(home, Path):
        return home
    from musqa_pipeline.lake.scratch import scratch_folder

    return scratch_folder(home)


@functools.cache
def _open_bucket(home: ObjectHome) -> Store:
    missing = [name for name in ("botocore", "s3fs") if importlib.util.find_spec(name) is None]
    if missing:
        raise LakeError(
            f"MUSQA_HOME={home} needs {' and '.join(missing)}; install them with "
            "pip install 'musqa-pipeline[s3]'"
        )
    from musqa_pipeline.lake.object_store import ObjectStore

    return ObjectStore(home)
