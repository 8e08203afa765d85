"""Names that become parts of paths: one rule for them, and one place that joins them."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from musqa_pipeline.core.errors import LakeError

CATALOG_CHARACTERS, UNIT_CHARACTERS = 64, 128
"""Most characters of a catalog's name, and of the id of an excerpt, a row or a track."""
RULE = "letters, digits, - and _, at most"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def is_name(text: str, most: int = CATALOG_CHARACTERS) -> bool:
    """Tell whether a text may name a catalog or a unit, and so a folder or a file."""
    return len(text) <= most and _NAME.fullmatch(text) is not None


def stays_inside(path: str) -> bool:
    """Tell whether a path that a table gives can only lead below the folder of the table."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


def below(folder: Path, *parts: str) -> Path:
    """Return the path of a file that is to be written below a folder, and cannot lead out of it.

    Raises LakeError if a part is empty, hidden or holds a separator or a zero byte, or if a folder
    on the way is a link that leads out.
    """
    for part in parts:
        if not part or part.startswith(".") or any(c in part for c in "/\\\0"):
            raise LakeError(
                f"{short(part)} cannot name a file below {folder}; it comes from a file that was "
                "damaged, or made to write elsewhere"
            )
    path = folder.joinpath(*parts)
    try:
        stays = path.parent.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links
        stays = False
    if not stays:
        raise LakeError(
            f"{path.parent} is a link that leads out of {folder}; remove it, or name a new folder"
        )
    return path


def short(value: object, most: int = 60) -> str:
    """Quote a foreign value for a message."""
    if isinstance(value, str | bytes) and len(value) > most:
        return f"{value[:most]!r}… ({len(value):,} characters)"
    text = repr(value)
    return text if len(text) <= 2 * most else f"{text[:most]}… ({len(text):,} characters)"
