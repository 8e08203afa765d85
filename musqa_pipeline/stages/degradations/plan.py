"""The plan: which processes each reference undergoes, drawn once and stored as columns.

A reference's plan depends on its id, the seed and its number of cascades alone. Cascades are a
prefix of one fixed order of all 45 x 45 pairs, so that asking for more keeps those there are. So
do the random rows, which carry their parameters (`random_rows`), and those of carriers
(`carrier_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from musqa_pipeline.audio.degradations.carriers.chains import Chain
from musqa_pipeline.audio.degradations.processes import PROCESSES, Process
from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash
from musqa_pipeline.core.settings.per_catalog import DegradationsSettings
from musqa_pipeline.stages.degradations.carrier_rows import (
    chain_process,
    counterfactual_of,
    counterfactuals,
    draw_chains,
    draw_ladders,
)
from musqa_pipeline.stages.degradations.random_rows import (
    draw_random,
    numbered,
    params_json,
    process_of,
)
from musqa_pipeline.stages.degradations.table import CARRIER, COUNTERFACTUAL, LADDER, RANDOM

REFERENCE_PROCESS = "0"
"""Process of the row that is the untouched reference."""


def plan_reference(
    excerpt_id: str, n_cascades: int, settings: DegradationsSettings
) -> list[dict[str, Any]]:
    """Plan what is made from one reference."""
    rows = []
    if settings.include_reference:
        rows.append(_row(excerpt_id, (), in_pool=True))
    for process_id in sorted(settings.singles):
        in_pool = process_id not in settings.pool_excluded
        rows.append(_row(excerpt_id, (process_id,), in_pool=in_pool))
    n = len(PROCESSES)
    order = derive_generator("degradations", settings.seed, excerpt_id).permutation(n * n)
    ids = sorted(PROCESSES)
    for pair in order[:n_cascades].tolist():
        rows.append(_row(excerpt_id, (ids[pair // n], ids[pair % n]), in_pool=True))
    drawn = draw_random(
        excerpt_id,
        settings.n_random,
        seed=settings.seed,
        cascade_fraction=settings.random_cascade_fraction,
        first=settings.random_first,
        names=settings.random_names,
        lowpass_hz=settings.random_lowpass_hz,
    )
    for number, halves in enumerate(drawn, start=settings.random_first):
        rows.append(_drawn_row(excerpt_id, f"r{number}", RANDOM, halves))
    return rows + _carrier_rows(excerpt_id, settings)


def _carrier_rows(excerpt_id: str, settings: DegradationsSettings) -> list[dict[str, Any]]:
    def row(process: str, kind: str, chain: Chain) -> dict[str, Any]:
        made_by = numbered(chain.carrier, chain)
        return _drawn_row(excerpt_id, process, kind, (made_by,), in_pool=kind != LADDER)

    rows = []
    for number, chain in draw_chains(excerpt_id, settings):
        process = chain_process(number)
        rows.append(row(process, CARRIER, chain))
        for left_out, rest in counterfactuals(chain).items():
            rows.append(row(counterfactual_of(process, left_out), COUNTERFACTUAL, rest))
    for fault, intensity, chain in draw_ladders(excerpt_id, settings):
        rows.append(row(f"{fault}-{intensity:g}", LADDER, chain))
    return rows


def some_rows(rows: list[dict[str, Any]], most: int, seed: int) -> list[dict[str, Any]]:
    """Draw so many rows of a reference's plan, in its order; the untouched one is among them.

    Fewer are among more, and rows of two references are drawn apart.
    """
    ranked = sorted(
        (row["depth"] > 0, unit_interval_hash("degradations-rows", seed, row["degraded_id"]), place)
        for place, row in enumerate(rows)
    )
    return [rows[place] for place in sorted(place for *_, place in ranked[:most])]


def plan_cascades(excerpt_id: str, pairs: Iterable[tuple[int, int]]) -> list[dict[str, Any]]:
    """Plan given cascades of one reference, as the rounds of the adaptive mode choose them."""
    return [_row(excerpt_id, (first, last), in_pool=True) for first, last in pairs]


def n_cascades_of(excerpt_ids: Iterable[str], settings: DegradationsSettings) -> dict[str, int]:
    """Decide how many cascades each reference of a catalog gets."""
    ids = sorted(excerpt_ids)
    counts = dict.fromkeys(ids, settings.n_cascades)
    per_reference = (
        len(set(settings.singles) - set(settings.pool_excluded))
        + settings.n_cascades
        + settings.n_random
        + settings.include_reference
    )
    excess = per_reference * len(ids) - settings.pool_rows
    if settings.pool_rows and settings.n_cascades and 0 < excess < len(ids):
        ranked = sorted(
            ids, key=lambda i: unit_interval_hash("degradations-cascades", settings.seed, i)
        )
        for excerpt_id in ranked[:excess]:
            counts[excerpt_id] -= 1
    return counts


def processes_of(row: Mapping[str, Any]) -> tuple[Process, ...]:
    """Return what is done in a planned row."""
    return tuple(
        process_of(row[f"{place}_name"], row[f"{place}_params"])
        if row.get(f"{place}_params")
        else PROCESSES[row[f"{place}_id"]]
        for place in ("first", "last")[: row["depth"]]
    )


def _row(excerpt_id: str, process_ids: tuple[int, ...], *, in_pool: bool) -> dict[str, Any]:
    process = "_".join(map(str, process_ids)) or REFERENCE_PROCESS
    kind = ("reference", "single", "cascade")[len(process_ids)]
    halves = tuple(PROCESSES[process_id] for process_id in process_ids)
    row = _described(excerpt_id, process, kind, halves) | {"in_pool": in_pool}
    if not process_ids:
        row |= {"first_id": 0, "first_name": "reference", "last_id": 0, "last_name": "reference"}
    return row


def _drawn_row(
    excerpt_id: str, process: str, kind: str, halves: tuple[Process, ...], *, in_pool: bool = True
) -> dict[str, Any]:
    params = {"first_params": params_json(halves[0]), "last_params": params_json(halves[-1])}
    return _described(excerpt_id, process, kind, halves) | params | {"in_pool": in_pool}


def _described(
    excerpt_id: str, process: str, kind: str, halves: tuple[Process, ...]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "degraded_id": f"{excerpt_id}-{process}",
        "excerpt_id": excerpt_id,
        "process": process,
        "kind": kind,
        "depth": len(halves),
    }
    for place, made_by in zip(("first", "last"), halves[:1] + halves[-1:], strict=False):
        row[f"{place}_id"] = made_by.process_id
        row[f"{place}_name"] = made_by.name
        row[f"{place}_bitrate_kbps"] = made_by.bitrate_kbps
        row[f"{place}_cutoff_hz"] = made_by.cutoff_hz
    return row
