"""Which places are watched for catalogs, and how long a catalog must be quiet: the environment.

None of it changes a result, so none of it is a preset key.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from musqa_pipeline.core.errors import SettingsError

WATCH, QUIET = "MUSQA_WATCH", "MUSQA_QUIET_S"
QUIET_S = 60.0
_KEYS = ("folders", "quiet_s")


@dataclass(frozen=True)
class Watch:
    """Where catalogs are dropped, beside ``catalogs/`` of `MUSQA_HOME`."""

    folders: tuple[str, ...] = ()
    """Absolute folders, or prefixes such as ``s3://bucket/music``; each sub-folder is a catalog."""
    quiet_s: float = QUIET_S
    """A catalog has arrived when nothing changed in it for so long."""


def read_watch(environment: Mapping[str, str]) -> Watch:
    """Read what is watched from the environment."""
    text = environment.get(WATCH, "").strip()
    raw: dict[str, Any] = {}
    base = Path.cwd()
    if text.endswith(".toml"):
        raw, base = _read_file(Path(text).expanduser()), Path(text).expanduser().absolute().parent
    elif text:
        raw = {"folders": [part.strip() for part in text.split(",") if part.strip()]}
    folders = raw.get("folders", [])
    if not isinstance(folders, list) or not all(isinstance(f, str) and f for f in folders):
        raise SettingsError(f"{WATCH}={text}: folders={folders!r}: expected a list of texts")
    quiet_s: Any = raw.get("quiet_s", QUIET_S)
    if environment.get(QUIET):
        quiet_s = environment[QUIET]
    return Watch(tuple(_checked(f, base) for f in folders), _seconds(quiet_s))


def is_remote(place: str) -> bool:
    """Whether a watched place is a prefix of a file system that fsspec knows, and no folder."""
    return "://" in place


def _read_file(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{WATCH}={path} cannot be read: {error}; mend the file") from error
    unknown = sorted(raw.keys() - set(_KEYS))
    if unknown:
        raise SettingsError(f"{path}: unknown key {unknown[0]!r}; expected {', '.join(_KEYS)}")
    return raw


def _checked(place: str, base: Path) -> str:
    if not is_remote(place):
        return str(base / Path(place).expanduser())
    if "@" in urlsplit(place).netloc:  # it would be shown in the UI and in logs
        scheme = place.split("://", 1)[0]
        raise SettingsError(
            f"{WATCH}: a prefix of {scheme}:// holds a user or a password; leave them out and "
            "give credentials by the environment or the configuration of that storage"
        )
    return place.rstrip("/")


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not (isinstance(value, int | float | str) and 0 <= seconds < math.inf):
        raise SettingsError(f"{QUIET}={value!r}: expected seconds, 0 or more")
    return seconds
