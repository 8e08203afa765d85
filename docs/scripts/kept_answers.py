"""Arrays that scripts of this folder work out once: a folder of the home's ``cache`` keeps them.

A file's name has a digest of all that its numbers follow from; any of them may be deleted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.home import Home

Arrays = dict[str, NDArray]


class KeptAnswers:
    """Answers of one script, below ``cache/<name>`` of a home on a disk."""

    def __init__(self, home: Home, name: str) -> None:
        if not isinstance(home, Path):
            raise SettingsError(f"{home}: expected a home on a disk, to keep answers in")
        self.folder = home / "cache" / name

    def kept(self, what: str, about: list, make: Callable[[], Arrays]) -> Arrays:
        """Return arrays as they were made once, or make them now."""
        path = self.folder / f"{what}-{digest(about)[:16]}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            arrays = make()
            with whole_file(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, **arrays)
        with np.load(path) as stored:
            return dict(stored)


def tell(text: str) -> None:
    """Say how far it is, where no table is."""
    print(text, file=sys.stderr, flush=True)
