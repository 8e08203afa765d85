"""A folder for the files of one piece of work: new, or with an earlier attempt at the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.files import exclusive_lock, explained, whole_file

LOCK_FILE = ".lock"


@contextmanager
def claimed_folder(
    folder: Path, work: str, mark: str, facts: Mapping[str, Any], *, differs: str
) -> Iterator[None]:
    """Hold a folder for a piece of work; what lies there and is none of it is never touched."""
    with exclusive_lock(folder / LOCK_FILE, wait=False):
        path = folder / f"{work}.json"
        with explained("read", folder):
            there = sorted(p.name for p in folder.iterdir() if p.name != LOCK_FILE)
        if path.name in there:
            _check_mark(path, work, mark, differs)
        elif foreign := [name for name in there if not _is_half(name, path.name)]:
            raise StageError(
                f"{folder} holds other files ({foreign[0]}); name a new or an empty folder with "
                "--out"
            )
        with explained("clear", folder):
            for leftover in folder.rglob(".*.tmp"):  # of a kill
                leftover.unlink()
        if path.name not in there:
            with whole_file(path) as temporary:
                text = json.dumps({work: mark, **facts}, indent=1, sort_keys=True)
                temporary.write_text(text + "\n")
        yield


def _check_mark(path: Path, work: str, mark: str, differs: str) -> None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))[work]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StageError(f"{path} cannot be read ({error}); name a new folder") from error
    if found != mark:
        raise StageError(
            f"{path.parent} holds another {work}: {differs}; name a new folder with --out"
        )


def _is_half(name: str, mark_file: str) -> bool:
    """Whether a file is what a kill left of the mark."""
    return name.startswith(f".{mark_file}.") and name.endswith(".tmp")
