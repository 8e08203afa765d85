"""Whether a machine may work for another one: same code, same tools, same lake.

A result depends on these, and its fingerprint names those of the machine that started the run.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import musqa_pipeline
from musqa_pipeline.core.errors import LakeError, ToolError
from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.home import Home, ObjectHome, parse_home
from musqa_pipeline.core.workers.interface import Needs
from musqa_pipeline.storage.stores.opening import open_store

SHARED_WITHIN_S = 10.0
"""A network file system may show a new file so much later."""


@dataclass(frozen=True)
class Site:
    """What a run wants of a machine that works for it."""

    versions: tuple[tuple[str, str], ...]
    """Name and version, as on the machine that started the run."""
    tools: tuple[str, ...]
    token_file: str
    token: str
    """Text of the token file; no file is looked for when empty."""


def this_site(needs: Needs) -> Site:
    """Describe this machine and write the token by which others know the lake."""
    token = ""
    if needs.token_file is not None:
        token = os.urandom(16).hex()
        _write(needs.token_file, token)
    versions = tuple(site_versions(needs.tools).items())
    return Site(versions, needs.tools, str(needs.token_file or ""), token)


def site_versions(tools: tuple[str, ...]) -> dict[str, str]:
    """Return the versions that results depend on, as they are here.

    What a build was made for (``+cpu``, ``+cu128``) is left out: a GPU's host has another one.
    """
    versions = {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "musqa's source": source_digest(),
        **{name: tool_version(name).partition("+")[0] for name in ("distributed", *tools)},
    }
    if "imageio-ffmpeg" in tools:
        from musqa_pipeline.audio.degradations.builds import builds_here

        here = builds_here()
        versions["ffmpeg"] = here["ffmpeg"]
        versions["ffmpeg's program"] = here["ffmpeg program"][:12]
        versions["libsndfile"] = here["libsndfile"]
    return versions


@functools.cache
def source_digest() -> str:
    """Return a hash of musqa's source files, as they were when it was first asked for."""
    root = Path(musqa_pipeline.__file__).parent
    total = hashlib.blake2b(digest_size=6)
    for path in sorted(root.rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Name what is not the same."""
    return ", ".join(
        f"{name} is {found.get(name, 'absent')} there and {version} here"
        for name, version in wanted.items()
        if found.get(name, "absent") != version
    )


@functools.lru_cache(maxsize=64)
def objection(site: Site) -> str:
    """Say why this machine cannot work for a run."""
    try:
        other = differences(dict(site.versions), site_versions(site.tools))
    except ToolError as error:
        return f"{error}; then restart the worker"
    if other:
        return f"{other}; install the same versions there and restart the worker"
    deadline = time.monotonic() + SHARED_WITHIN_S
    while site.token and not _has(parse_home(site.token_file), site.token):
        if time.monotonic() > deadline:
            place = parse_home(site.token_file)
            if isinstance(place, ObjectHome):
                how = "give it the same MUSQA_S3_ENDPOINT and credentials that may read"
                return f"it does not see the lake in bucket {place.bucket!r}; {how}"
            folder = place.parent.parent
            return f"it does not see the lake; share the folder {folder} under the same path"
        time.sleep(0.1)
    return ""


def _write(place: Home, text: str) -> None:
    if isinstance(place, ObjectHome):
        home, name = _divided(place)
        open_store(home).write_bytes(name, text.encode())
    else:
        place.write_text(text)


def _has(place: Home, text: str) -> bool:
    try:
        if isinstance(place, ObjectHome):
            home, name = _divided(place)
            return open_store(home).read_bytes(name) == text.encode()
        return place.read_text() == text
    except (OSError, LakeError):
        return False


def _divided(place: ObjectHome) -> tuple[ObjectHome, str]:
    folder, _, name = place.prefix.rpartition("/")
    return ObjectHome(place.bucket, folder), name
