"""What gc lists and deletes, and what it never touches."""

import json
import os
import time

import pyarrow as pa
import pytest

from musqa_pipeline.cli import upkeep
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.operations.maintenance import garbage
from musqa_pipeline.operations.maintenance.garbage import clear_garbage, find_garbage
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.views.duck import publish, query
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from tests.storage.lake.first_lake import first_context

DAY_S = 86_400
ROW = pa.table({"a": [1]})


def age(path, days):
    """Let a file, or all files of a folder, look as old as that."""
    when = time.time() - days * DAY_S
    for file in [path] if path.is_file() else path.rglob("*"):
        os.utime(file, (when, when))


def everything(home):
    files = (p for p in home.rglob("*") if p.is_file() and p.parent.name != "locks")
    return sorted(p for p in files if p.suffix != ".seal")


@pytest.fixture
def old(home):
    """A lake of 100 days ago with every kind of garbage; returns its home."""
    lake = Lake(home)
    lake.write(Partition("labels", "a" * 32, "first"), "u1", ROW)
    lake.write(Partition("labels", "a" * 32, "first"), "u2", ROW)
    lake.keep_readable(Partition("labels", "a" * 32, "first"), ROW.schema)
    lake.write(Partition("models", "b" * 32), "cnn1d", ROW)
    with lake.work_folder(Partition("models", "b" * 32), "cnn1d") as work:
        (work.path / "weights").write_bytes(b"w" * 100)
    lake.write(record_partition("promotions", "gone preset"), "000001", ROW)
    lake.write(first_context(home).partition("labels"), "lost", ROW)
    lake.retire(first_context(home).partition("labels"), set(lake.done(shown(home))) - {"lost"})
    (lake.folder(shown(home)) / ".x.parquet.host-1.tmp").write_bytes(b"half")
    age(home, 100)
    return home


def shown(home):
    return first_context(home).partition("labels")


def test_everything_that_is_shown_stays_whatever_its_age(home):
    age(home, 1000)
    before = everything(home)
    cleared = clear_garbage(home, older_than_days=0)
    assert (cleared.garbage, cleared.in_use) == ((), ())
    assert everything(home) == before


def test_a_dry_run_lists_all_kinds_with_their_size_and_deletes_nothing(old):
    before = everything(old)
    found = {item.place: item for item in find_garbage(old)}
    assert {(item.kind, place) for place, item in found.items()} == {
        ("leftover", shown(old).folder_key),
        ("retired", shown(old).retired_key),
        ("run", "lake/models/run=bbbbbbbbbbbb"),
        ("settings", "lake/labels/settings=aaaaaaaaaaaa/catalog=__none__"),
        ("settings", "lake/labels/settings=aaaaaaaaaaaa/catalog=first"),
    }
    run = found["lake/models/run=bbbbbbbbbbbb"]
    size = sum(p.stat().st_size for p in everything(old / run.place))
    assert (run.n_files, run.n_bytes, round(run.days)) == (2, size, 100)
    assert everything(old) == before


def test_it_is_deleted_and_what_is_shown_is_as_before(old):
    publish(first_context(old), ["labels"])
    age(old, 100)
    rows = query(old, "SELECT * FROM labels ORDER BY ALL")
    listed = {key for item in find_garbage(old) for key in item.keys}
    before = {p.relative_to(old).as_posix() for p in everything(old)}
    cleared = clear_garbage(old)
    after = {p.relative_to(old).as_posix() for p in everything(old)}
    assert before - after == listed
    assert after - before == set()
    assert {key for item in cleared.garbage for key in item.keys} == listed
    assert not (old / "lake" / "models" / "run=bbbbbbbbbbbb").exists()
    assert find_garbage(old) == []
    assert query(old, "SELECT * FROM labels ORDER BY ALL").equals(rows)
    assert verify_lake(old).errors == ()


def test_what_is_younger_stays(old):
    assert find_garbage(old, older_than_days=200) == [
        item for item in find_garbage(old) if item.kind == "leftover"
    ]
    age(old / "lake" / "labels" / "settings=aaaaaaaaaaaa" / "catalog=first" / "u2.parquet", 1)
    age(old / "lake" / "models" / "run=bbbbbbbbbbbb" / "cnn1d" / "weights", -5)  # clock moved
    places = {item.place for item in find_garbage(old)}
    assert "lake/labels/settings=aaaaaaaaaaaa/catalog=first" not in places
    assert "lake/models/run=bbbbbbbbbbbb" not in places


def test_a_unit_is_as_old_as_its_retirement(home):
    path = Lake(home).write(shown(home), "lost", ROW)
    age(path, 100)
    Lake(home).retire(shown(home), set(Lake(home).done(shown(home))) - {"lost"})
    assert find_garbage(home) == []


def test_a_leftover_of_a_living_writer_stays(old):
    (temporary,) = (old / "lake").rglob(".*.tmp")
    age(temporary, 0.5)
    assert "leftover" not in {item.kind for item in find_garbage(old, older_than_days=0)}


def test_what_a_run_works_on_is_left_and_named(old):
    partition = Partition("labels", "a" * 32, "first")
    with Lake(old).lock(partition.lock_name):
        cleared = clear_garbage(old)
    assert cleared.in_use == (partition.folder_key,)
    assert Lake(old).done(partition) == ["u1", "u2"]


def test_what_is_published_or_written_meanwhile_stays(old, monkeypatch):
    listed = find_garbage(old)
    lake, partition = Lake(old), Partition("labels", "a" * 32, "first")
    published = json.loads((old / "published.json").read_text())
    published["presets"]["new"] = {
        "catalogs": ["first"],
        "stages": {**published["presets"]["first"]["stages"], "models": "b" * 32},
    }
    lake.store.write_bytes("published.json", json.dumps(published).encode())
    lake.write(partition, "u3", ROW)
    monkeypatch.setattr(garbage, "find_garbage", lambda *a, **k: listed)  # as listed before
    cleared = clear_garbage(old)
    assert lake.done(partition) == ["u1", "u2", "u3"]
    assert lake.done(Partition("models", "b" * 32)) == ["cnn1d"]
    assert {item.kind for item in cleared.garbage} == {"leftover", "retired", "settings"}


def test_a_lake_that_has_lost_its_record_is_no_garbage(old):
    (old / "published.json").unlink()
    before = everything(old)
    for look in (find_garbage, clear_garbage):
        with pytest.raises(
            LakeError, match=r"no preset in published.json, .* run each preset first"
        ):
            look(old)
    assert everything(old) == before


def test_the_command_says_what_and_how_much(old, capsys):
    upkeep.gc(dry_run=True, older_than=30.0, as_json=False)
    said = capsys.readouterr().out
    assert "would be deleted" in said
    assert "lake/models/run=bbbbbbbbbbbb" in said
    upkeep.gc(dry_run=False, older_than=30.0, as_json=True)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(row["files"] for row in rows) == 2 + 2 + 1 + 1 + 1
    upkeep.gc(dry_run=False, older_than=30.0, as_json=False)
    assert "nothing older than 30 days" in capsys.readouterr().out
