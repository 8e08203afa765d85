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
    """Tell whether a text may name a catalog or a unit, and so a folder or a file.

    Parameters
    ----------
    text : str
        From anywhere.
    most : int
        Most characters.

    Returns
    -------
    bool
        True of letters, digits, ``-`` and ``_`` that begin with a letter or a digit: no separator,
        no dot, no zero byte, nothing that a file system takes for something else.
    """
    return len(text) <= most and _NAME.fullmatch(text) is not None


def stays_inside(path: str) -> bool:
    """Tell whether a path that a table gives can only lead below the folder of the table.

    Parameters
    ----------
    path : str
        With ``/`` between its parts; links are not looked at.

    Returns
    -------
    bool
        False of absolute paths, ``..``, zero bytes, and of nothing at all.
    """
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


def below(folder: Path, *parts: str) -> Path:
    """Return the path of a file that is to be written below a folder, and cannot lead out of it.

    Parameters
    ----------
    folder : Path
        Chosen by whoever writes; it may itself be a link.
    *parts : str
        Names of folders and, last, of the file; they may come from a foreign file.

    Returns
    -------
    Path
        Nothing is made. The file itself may be a link: `disk.whole_file` replaces it.

    Raises
    ------
    LakeError
        If a part is empty, hidden or holds a separator or a zero byte, or if a folder on the way
        is a link that leads out.
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
    """Quote a foreign value for a message.

    Parameters
    ----------
    value : object
        Anything.
    most : int
        Characters that are shown of it.

    Returns
    -------
    str
        As Python writes it, so that control characters are escapes; the rest is counted.
    """
    if isinstance(value, str | bytes) and len(value) > most:
        return f"{value[:most]!r}… ({len(value):,} characters)"
    text = repr(value)
    return text if len(text) <= 2 * most else f"{text[:most]}… ({len(text):,} characters)"
