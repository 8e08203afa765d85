"""One look at all places where catalogs are: which are there, and what is to be done about each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from musqa_pipeline.catalogs.file_hashes import unread_bytes
from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.catalogs.identity import cache_key
from musqa_pipeline.catalogs.known import Catalog, add_catalog, catalog_files, load_catalog, to_toml
from musqa_pipeline.catalogs.readers.registry import detect_reader
from musqa_pipeline.core.errors import CatalogError, MusqaError, StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.home import Home
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.operations.discovery.candidates import Candidate, list_candidates
from musqa_pipeline.operations.discovery.decision import (
    CatalogState,
    Decision,
    Past,
    decide,
    state_of,
)
from musqa_pipeline.operations.discovery.folder import FolderState, folder_state, listed_state
from musqa_pipeline.operations.discovery.watch import Watch
from musqa_pipeline.stages.engine.catalog_choice import drawn_catalogs
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.rows import CATALOG_STAGES
from musqa_pipeline.storage.stores.opening import open_store

MOST_READ_BYTES = 1_000_000_000
"""Of files that no run has read yet: a look has seconds, so a catalog with more is requested."""


@dataclass(frozen=True)
class JointState:
    """What the joint stages would make now, and whether it is there."""

    fingerprint: str
    """Of `evaluation`: it moves with every labelled unit and every setting upstream."""
    is_done: bool
    """Whether the report of exactly this state is in the lake."""


@dataclass(frozen=True)
class Sighting:
    """A catalog, or what might become one, as it was found."""

    name: str
    folder: str
    """Where it is for people: a folder or a prefix."""
    verdict: CatalogState
    reason: str
    run_key: str = ""
    """Of the run that is to be requested, else empty: the same request is never made twice."""
    news: bool = True
    """Whether the verdict or its reason differs from the last look's."""


@dataclass(frozen=True)
class Look:
    """All sightings, and what to remember until the next look."""

    sightings: tuple[Sighting, ...]
    memory: Mapping[str, Past]

    @property
    def requested(self) -> tuple[Sighting, ...]:
        """Catalogs whose stages are to run."""
        return tuple(s for s in self.sightings if s.verdict is CatalogState.REQUEST)


def look(
    home: Home,
    preset: Preset,
    watch: Watch,
    memory: Mapping[str, Past],
    *,
    now_s: float,
    go_on: Callable[[], bool] = lambda: True,
    register: bool = True,
    ask_again: bool = False,
) -> Look:
    """Look at every catalog that is known, was dropped, or lies in a watched place.

    One that the memory does not know and whose stages are all done, as in a home that was copied,
    is requested only if `ask_again`.
    """
    sightings: list[Sighting] = []
    remembered: dict[str, Past] = {}
    for found in list_candidates(home, watch, go_on):
        past = memory.get(_key(found), Past())
        decision = _decide(home, preset, watch, found, past, now_s, register, ask_again)
        said = _said(decision)
        run_key = ""
        if decision.verdict is CatalogState.REQUEST:
            run_key = f"{found.name}-{decision.past.requested}-{decision.past.n_requests}"
        sightings.append(
            Sighting(
                *(found.name, found.place, decision.verdict, decision.reason, run_key),
                news=said != past.said,
            )
        )
        remembered[_key(found)] = replace(decision.past, said=said)
    return Look(tuple(sightings), remembered)


def _said(decision: Decision) -> str:
    """Return what tells one look's verdict from another's; seconds that pass are no news."""
    plain = decision.verdict in (CatalogState.SETTLING, CatalogState.FETCHING)
    return str(decision.verdict) if plain else digest([decision.verdict, decision.reason])


def _key(found: Candidate) -> str:
    """Two folders may want one name, and two names may share a folder; each is remembered."""
    return f"{found.name} {found.folder}"


def _decide(
    home: Home,
    preset: Preset,
    watch: Watch,
    found: Candidate,
    past: Past,
    now_s: float,
    register: bool,
    ask_again: bool,
) -> Decision:
    if found.problem:
        return Decision(CatalogState.REFUSED, found.problem, past)
    if not preset.sees(found.name):
        return Decision(
            CatalogState.UNSEEN,
            f"preset {preset.name} sees {', '.join(preset.catalogs) or 'none'}; choose another "
            "preset with MUSQA_PRESET, or name the catalog in it",
            past,
        )
    try:
        copied = found.fetch() if found.fetch and register else None
        state = _state_of(found)
    except MusqaError as error:
        return Decision(CatalogState.GONE, f"{error}; what was made of it stays", past)
    if copied and copied.n_missing:
        return Decision(
            CatalogState.FETCHING,
            f"{copied.n_files - copied.n_missing} of {copied.n_files} files are here",
            past,
        )
    if state is None and found.fetch and not register:
        return Decision(CatalogState.FETCHING, "the sensor copies it at its next look", past)
    if state is None:
        return Decision(
            CatalogState.GONE,
            f"{found.folder} cannot be seen; connect its disk, or take the catalog out with "
            "`musqa catalog remove`; what was made of it stays",
            past,
        )
    if found.known and state.n_files == 0:
        return Decision(
            CatalogState.GONE, f"{found.folder} is empty; what was made of it stays", past
        )
    decision = decide(
        *(state, past),
        settings=_settings(home, preset, found.name, found.known),
        now_s=now_s,
        quiet_s=watch.quiet_s,
        check=partial(_check, home, found, register),
        is_finished=partial(_is_finished, home, preset, None if ask_again else found.known),
    )
    if decision.verdict is CatalogState.REQUEST and register and not found.known:
        settings = _settings(home, preset, found.name, load_catalog(home, found.name))
        asked = replace(decision.past, requested=state_of(state, settings))
        return replace(decision, past=asked)
    return decision


def _settings(home: Home, preset: Preset, name: str, catalog: Catalog | None) -> str:
    """Digest what a catalog's stages depend on beside its files."""
    stages = catalog_context(home, preset, name).fingerprints["labels"]
    return digest([stages, to_toml(catalog) if catalog else ""])


def _state_of(found: Candidate) -> FolderState | None:
    if found.known and found.folder.is_file():
        try:
            return listed_state(found.folder, [e.path for e in catalog_files(found.known)])
        except CatalogError:  # the check says why
            return listed_state(found.folder, [])
    follow_links = found.known is not None and found.known.follow_links
    return folder_state(Source(found.folder, follow_links=follow_links))


def _check(home: Home, found: Candidate, register: bool) -> None:
    if found.known:
        catalog_files(found.known)
    elif register:
        add_catalog(home, found.folder, found.name)
    else:
        catalog_files(Catalog(found.name, found.folder, {}, detect_reader(found.folder)))


def _is_finished(home: Home, preset: Preset, catalog: Catalog | None) -> bool:
    """Say whether all that a run of the catalog's stages would make is in the lake."""
    if catalog is None:
        return False
    try:
        paths = [entry.path for entry in catalog_files(catalog) if not entry.leads_outside]
        if unread_bytes(open_store(home), cache_key(catalog.name), paths) > MOST_READ_BYTES:
            return False
        context = catalog_context(home, preset, catalog.name)
        for stage in map(get_stage, CATALOG_STAGES):
            units = [unit.unit_id for unit in stage.units(context)]
            if context.lake.missing(stage.partition(context), units):
                return False
    except MusqaError:  # no rows yet, or a trouble that a run tells
        return False
    return True


def joint_state(home: Home, preset: Preset) -> JointState | None:
    """Look at what the joint stages see."""
    context = joint_context(home, preset)
    partitions = [context.partition("labels", name) for name in drawn_catalogs(context)]
    if not any(context.lake.done(partition) for partition in partitions):
        return None
    stage = get_stage("evaluation")
    try:
        units = [unit.unit_id for unit in stage.units(context)]
        is_done = not context.lake.missing(stage.partition(context), units)
    except StageError:  # a stage before it has no rows yet
        is_done = False
    return JointState(context.fingerprints["evaluation"], is_done)
