"""Single flipped bits in every kind of file of a lake: each is found, cured, made again."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from musqa_pipeline.core.seals import seal_path
from musqa_pipeline.operations.maintenance.file_check import check_file
from musqa_pipeline.operations.maintenance.findings import Finding
from musqa_pipeline.operations.maintenance.mend import mend
from musqa_pipeline.operations.maintenance.places import is_pack, place_of
from musqa_pipeline.operations.maintenance.verify import check_sealed, verify_lake
from musqa_pipeline.storage.fragments.partition import DAMAGED
from musqa_pipeline.storage.lake.lake import Lake
from tests.drill.ledger import Ledger

PASSED_OVER = {"locks", DAMAGED}
"""Folders of files without content, and of what was set aside already."""


def files_by_kind(home: Path) -> dict[str, list[Path]]:
    """Sort the files of a home: units by stage, packs, seals, and the others by name."""
    found = defaultdict(list)
    for path in sorted(home.rglob("*")):
        parts = path.relative_to(home).parts
        if path.is_file() and path.stat().st_size and not PASSED_OVER & set(parts):
            found[kind_of(home, path)].append(path)
    return dict(found)


def kind_of(home: Path, path: Path) -> str:
    """Name the kind of a file."""
    key = path.relative_to(home).as_posix()
    if path.suffix == ".seal":
        return "seal"
    if is_pack(key):
        return "pack"
    place = place_of(key)
    if place is None:
        return path.name if "cache/" not in key else "cache of hashes"
    return "schema of a view" if place.is_schema else f"unit of {place.partition.stage}"


def is_parquet(kind: str) -> bool:
    """Tell whether files of a kind carry their digest themselves."""
    return kind == "pack" or kind.startswith(("unit of ", "schema of "))


def flip(path: Path, rng) -> str:
    """Flip one bit as a disk does: without a new time of change. Say where."""
    content, stat = bytearray(path.read_bytes()), path.stat()
    at, bit = int(rng.integers(len(content))), int(rng.integers(8))
    content[at] ^= 1 << bit
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return f"bit {bit} of byte {at}"


def seen_by_verify(home: Path, path: Path) -> str:
    """Say what `musqa verify` says of one file; nothing if it finds no fault."""
    key = path.relative_to(home).as_posix()
    if is_parquet(kind_of(home, path)):
        try:
            return check_file(path).kind
        except (OSError, pa.ArrowException, UnicodeDecodeError, duckdb.Error) as error:
            return f"damaged: {type(error).__name__}"
    if path.suffix == ".seal":  # of a fragment, too: records have both
        key = path.with_name(path.name[1:].removesuffix(".seal")).relative_to(home).as_posix()
    (said,) = [*check_sealed(Lake(home).store, [key]), ""][:1]
    return said.kind if isinstance(said, Finding) else ""


def count_flips(home: Path, kinds: Iterable[str], n: int, rng) -> dict[str, int]:
    """Flip a bit `n` times, in turn in files of each kind, and count what verify says of each.

    Every file is put back afterwards.

    Parameters
    ----------
    home : Path
        A whole lake.
    kinds : iterable of str
        Keys of `files_by_kind`.
    n : int
        How often.
    rng : numpy.random.Generator
        Chooses files and bits.

    Returns
    -------
    dict of str to int
        What verify says, to how often; the empty text for flips that it does not find.
    """
    of_kind, names = files_by_kind(home), sorted(kinds)
    said: dict[str, int] = defaultdict(int)
    for index in range(n):
        files = of_kind[names[index % len(names)]]
        path = files[int(rng.integers(len(files)))]
        before, stat = path.read_bytes(), path.stat()
        flip(path, rng)
        said[seen_by_verify(home, path).partition(":")[0]] += 1
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return dict(said)


def drill_flips(plant, ledger: Ledger, lake, rng, *, by_run: bool, passed_over=(), **run) -> None:
    """Flip a bit in a file of each kind of a finished lake; verify and a run cure all of them.

    Parameters
    ----------
    plant, ledger, lake, rng
        The lake is finished.
    by_run : bool
        Whether runs come first, which no flip may block: then one bit at a time, and at most the
        second run ends well.
    passed_over : iterable of str
        Kinds that are left alone.
    run : str
        Environment of the runs.
    """
    kinds = {k: f for k, f in files_by_kind(lake.home).items() if k not in passed_over}
    chosen = {kind: files[int(rng.integers(len(files)))] for kind, files in kinds.items()}
    flipped = []
    for kind, path in chosen.items():
        with_seal = {*flipped, *map(seal_path, flipped)}
        if not path.exists() or {path, seal_path(path)} & with_seal:
            continue  # another flip has taken it along, or it would be the second of one file
        flipped.append(path)
        where = flip(path, rng)
        said = seen_by_verify(lake.home, path)
        ledger.fault("bit flip", f"{kind}, {path.relative_to(lake.home)}, {where}", said)
        if by_run:
            if plant.run(lake, **run).wait() != 0:  # it has set aside what blocked it
                assert plant.run(lake, **run).wait() == 0, (kind, where, plant.log(lake))
            cure(lake.home)
    if not by_run:
        cure(lake.home)
    ledger.judge(plant.finish(lake, **run))


def cure(home: Path, known: Callable[[Finding], bool] = lambda finding: False) -> None:
    """Mend a lake; nothing but what a run makes again may be left to do."""
    mend(home, verify_lake(home))
    left = [f for f in verify_lake(home).errors if f.kind != "missing" and not known(f)]
    assert left == [], left
