"""Where catalogs are looked for: known ones, dropped folders, watched folders and prefixes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from musqa_pipeline.catalogs.known import CATALOGS, Catalog, load_catalog
from musqa_pipeline.core.errors import CatalogError, MusqaError
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.names import is_name
from musqa_pipeline.core.settings.preset import DEMO_CATALOG
from musqa_pipeline.operations.discovery.mirror import Fetched, fetch, list_prefix, mirror_folder
from musqa_pipeline.operations.discovery.watch import Watch, is_remote
from musqa_pipeline.storage.stores.opening import open_store, place_here

MIRRORS = "mirrors"


@dataclass(frozen=True)
class Candidate:
    """A folder or a prefix that is a catalog, or might become one."""

    name: str
    place: str
    """Folder or prefix, for people."""
    folder: Path
    known: Catalog | None = None
    """As in its `catalog.toml`, if it has one."""
    problem: str = ""
    fetch: Callable[[], Fetched] | None = None
    """Brings the copy in `folder` up to date."""


def list_candidates(home: Home, watch: Watch, go_on: Callable[[], bool]) -> Iterator[Candidate]:
    """List everything that is a catalog or might become one."""
    found: list[Candidate] = []
    known: dict[str, Catalog] = {}
    store = open_store(home)
    for name in store.folders(CATALOGS):
        if not store.exists(f"{CATALOGS}/{name}/catalog.toml"):
            continue
        try:
            known[name] = load_catalog(home, name)
        except CatalogError as error:
            place = store.address(f"{CATALOGS}/{name}")
            found.append(Candidate(name, place, Path(place), problem=str(error)))
    mirrored: dict[Path, Callable[[], Fetched]] = {}
    for place in watch.folders:
        if is_remote(place):
            found += _below_prefix(home, place, known, mirrored, go_on)
        else:
            found += _below_folder(Path(place), known)
    if isinstance(home, Path):
        found += _below_folder(home / CATALOGS, known, ours=True)
    elif store.folders(CATALOGS):
        found += _below_prefix(home, f"{home}/{CATALOGS}", known, mirrored, go_on, ours=True)
    for name, catalog in known.items():
        fetching = mirrored.get(catalog.folder)
        found.append(Candidate(name, str(catalog.folder), catalog.folder, catalog, "", fetching))
    yield from sorted(found, key=lambda c: (c.name, c.place))


def _below_folder(
    place: Path, known: Mapping[str, Catalog], *, ours: bool = False
) -> list[Candidate]:
    if not place.is_dir():
        problem = f"{place} is no folder; connect its disk, or take it out of MUSQA_WATCH"
        return [] if ours else [Candidate(place.name, str(place), place, problem=problem)]
    folders = {catalog.folder for catalog in known.values()}
    try:
        inside = sorted(place.iterdir())
    except OSError as error:
        problem = f"{place} cannot be listed ({error.strerror}); make it readable"
        return [Candidate(place.name, str(place), place, problem=problem)]
    return [
        Candidate(path.name, str(path), path, problem=_objection(path.name, path, known))
        for path in inside
        if path.is_dir()
        and not path.name.startswith(".")
        and path not in folders
        and not (ours and (path / "catalog.toml").exists())
    ]


def _below_prefix(
    home: Home,
    prefix: str,
    known: Mapping[str, Catalog],
    mirrored: dict[Path, Callable[[], Fetched]],
    go_on: Callable[[], bool],
    *,
    ours: bool = False,
) -> list[Candidate]:
    try:
        names = list_prefix(prefix)
    except MusqaError as error:
        return [Candidate(prefix, prefix, Path(prefix), problem=str(error))]
    found = []
    copies = mirror_folder(place_here(home) / MIRRORS, prefix)
    for catalog in known.values():  # one that left the prefix is asked for too, and named
        if catalog.folder.parent == copies:
            mirrored[catalog.folder] = partial(
                fetch, prefix, catalog.folder.name, catalog.folder, go_on=go_on
            )
    for name in names:
        copy = copies / name
        mirrored[copy] = partial(fetch, prefix, name, copy, go_on=go_on)
        if name in known and (ours or known[name].folder == copy):
            continue
        place = f"{prefix}/{name}"
        problem = _objection(name, place, known)
        found.append(Candidate(name, place, copy, problem=problem, fetch=mirrored[copy]))
    return found


def _objection(name: str, place: Path | str, known: Mapping[str, Catalog]) -> str:
    """Return why a name cannot become a catalog's, or nothing."""
    if not is_name(name):
        return (
            f"{place}: a catalog's name has letters, digits, - and _, at most 64; rename the folder"
        )
    if name == DEMO_CATALOG:
        return f"{place}: the name {DEMO_CATALOG} belongs to musqa's own catalog; rename the folder"
    if name in known:
        return f"{place}: the catalog {name} is {known[name].folder} already; rename one of the two"
    return ""
