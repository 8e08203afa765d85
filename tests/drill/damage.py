"""Files that rot: fragments, the views' file, the record of what is published, a catalog's note."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.core.seals import seal_path
from musqa_pipeline.operations.maintenance.mend import mend
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.records import RECORDS
from tests.drill.ledger import Ledger

Damage = Callable[[Path, object], None]


def flip_footer(path: Path, rng) -> None:
    """Flip a bit of the footer, which describes the columns."""
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[-8:-4], "little")
    at = len(content) - 8 - size + int(rng.integers(4, min(40, size)))
    content[at] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def flip_length(path: Path, rng) -> None:
    """Flip a bit of the number that says how long the footer is."""
    content = bytearray(path.read_bytes())
    content[-6] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def truncate(path: Path, rng) -> None:
    """Cut the end off, as a disk does that lost its last blocks."""
    content = path.read_bytes()
    path.write_bytes(content[: int(rng.integers(1, len(content)))])


def empty(path: Path, rng) -> None:
    """Leave no byte."""
    path.write_bytes(b"")


def zero(path: Path, rng) -> None:
    """Leave zeros of the same length, as a file system does after a power cut."""
    path.write_bytes(bytes(path.stat().st_size))


def garble(path: Path, rng) -> None:
    """Leave other bytes of the same length."""
    path.write_bytes(rng.bytes(path.stat().st_size))


def lose(path: Path, rng) -> None:
    """Delete it."""
    path.unlink()


def foreign(path: Path, rng) -> None:
    """Give it the fingerprint of other settings."""
    table = pq.read_table(path, partitioning=None)
    footer = {**(table.schema.metadata or {}), b"musqa.fingerprint": b"0" * 32}
    pq.write_table(table.replace_schema_metadata(footer), path)


FRAGMENT_DAMAGE: dict[str, Damage] = {
    "bit flip in the footer": flip_footer,
    "bit flip in the footer's length": flip_length,
    "fragment cut off": truncate,
    "fragment of no length": empty,
    "fragment of zeros": zero,
    "fragment of other bytes": garble,
    "fragment lost": lose,
    "fragment of other settings": foreign,
}
FILE_DAMAGE = {
    "cut off": truncate,
    "of no length": empty,
    "of zeros": zero,
    "of other bytes": garble,
}


def drill_fragments(plant, ledger: Ledger, lake, rng, *, rounds: int, stages=None, **run) -> None:
    """Damage fragments of a finished lake, several at a time, and run again.

    Parameters
    ----------
    plant, ledger, lake, rng
        The lake is finished.
    rounds : int
        How often each kind of damage is done.
    stages : list of str, optional
        Folders of the lake that are damaged; all when left out.
    run : str
        Environment of the runs.
    """
    for _ in range(rounds):
        lying = lake.home / "lake"
        passed_over = {"retired", "damaged", *RECORDS}
        stage_of = {p: p.relative_to(lying).parts[0] for p in sorted(lying.rglob("*.parquet"))}
        files = [
            path for path, stage in stage_of.items()
            if path.name != "schema.parquet" and stage not in passed_over
            and (stages is None or stage in stages)
        ]  # fmt: skip
        chosen = rng.choice(len(files), size=len(FRAGMENT_DAMAGE), replace=len(files) < 8)
        damaged: set[Path] = set()
        silent: set[Path] = set()
        for (kind, damage), index in zip(FRAGMENT_DAMAGE.items(), chosen, strict=True):
            path = files[index]
            if path in damaged:
                continue
            damaged.add(path)
            before, footer = path.read_bytes(), footer_of(path)
            damage(path, rng)
            proof = seen_of(path, before)
            ledger.fault(kind, path.relative_to(lake.home / "lake"), proof)
            if footer_of(path) == footer:
                silent.add(path)
        find_by_verify(lake.home, silent)
        ledger.judge(plant.finish(lake, **run))


def footer_of(path: Path) -> object:
    """Return the fingerprint that a file says to have; None if it cannot be read."""
    try:
        return (pq.read_metadata(path).metadata or {}).get(b"musqa.fingerprint")
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return None


def seen_of(path: Path, before: bytes) -> str:
    """Say what a reader sees of a damaged file; nothing if it sees no damage."""
    if not path.exists():
        return "the file is gone"
    if path.read_bytes() == before:
        return ""
    try:
        footer = pq.read_metadata(path).metadata or {}
        told = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        return f"{type(error).__name__}: {str(error)[:60]}"
    return f"it reads, with fingerprint {footer.get(b'musqa.fingerprint')!r}, {told.num_rows} rows"


def drill_views(plant, ledger: Ledger, lake, rng, ask, kinds=tuple(FILE_DAMAGE)) -> None:
    """Damage the views' file: a query is answered all the same, and the next run rebuilds it."""
    path, right = lake.home / "musqa.duckdb", ask(lake)
    for kind in kinds:
        damage = FILE_DAMAGE[kind]
        for rebuilt_by in ("query", "run"):
            before = path.read_bytes()
            damage(path, rng)
            changed = path.read_bytes() != before
            ledger.fault(f"musqa.duckdb {kind}", f"then a {rebuilt_by}", changed and "bytes differ")
            if rebuilt_by == "query":
                assert ask(lake) == right
            else:
                assert plant.run(lake).wait() == 0
                assert ask(lake) == right
    path.unlink()
    ledger.fault("musqa.duckdb lost", "then a query", not path.exists() and "it is gone")
    assert ask(lake) == right
    ledger.judge(plant.finish(lake))


def drill_record(plant, ledger: Ledger, lake, rng, kinds=tuple(FILE_DAMAGE)) -> None:
    """Damage the record of what is published: a run puts it back; without its copy it says so."""
    path = lake.home / "published.json"
    for kind in kinds:
        damage, before = FILE_DAMAGE[kind], json.loads(path.read_text())
        damage(path, rng)
        code, told = plant.run(lake).wait(), plant.log(lake)
        proof = (code == 0 and "published.json was not what musqa had written" in told) and "named"
        ledger.fault(f"published.json {kind}", "then a run", proof)
        assert json.loads(path.read_text()) == before
        damage(path, rng)
        seal_path(path).unlink()
        code, told = plant.run(lake).wait(), plant.log(lake)
        proof = (code == 1 and "published.json is damaged" in told) and "named, exit code 1"
        ledger.fault(f"published.json {kind}, its copy lost", "then a run", proof)
        path.unlink()
        assert plant.run(lake).wait() == 0, plant.log(lake)
        assert json.loads(path.read_text())["last"]
    ledger.judge(plant.finish(lake))


def find_by_verify(home: Path, silent: set[Path]) -> None:
    """See that what a run cannot see is named by `musqa verify`, and moved away by ``--mend``.

    A flipped bit may lie where no reader looks at the content, as in statistics or the name of the
    writer.
    """
    seen = verify_lake(home)
    assert {home / finding.key for finding in seen.errors} >= silent
    # The numbers of the toy stage have no schema that verify knows; it finds fault with all.
    mine = tuple(finding for finding in seen.findings if home / finding.key in silent)
    assert {home / key for key in mend(home, replace(seen, findings=mine)).moved} == silent
    assert not any(path.exists() for path in silent)
