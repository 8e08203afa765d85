"""The short form of the fault drill: the runner alone, some dozen faults, seconds."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.stages.views.duck import query
from tests.drill.chapters import Drill
from tests.drill.commits import drill_every_commit
from tests.drill.damage import drill_fragments, drill_record, drill_views
from tests.drill.disks import drill_full, drill_small_files, small_disk
from tests.drill.kills import drill_random_kills
from tests.drill.lanes import LANES
from tests.drill.ledger import Ledger
from tests.drill.plant import compare
from tests.drill.toys import MANY, Toys


@pytest.fixture(scope="module")
def toys():
    folder = Path(mkdtemp(prefix="musqa-drill-"))
    found = Toys(folder)
    yield found
    found.close()
    shutil.rmtree(folder)


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def rng(request):
    return derive_generator("drill", request.node.name)


def rows(lake):
    return sorted(map(repr, query(lake.home, "SELECT * FROM labels").rows()))


def test_killed_before_and_after_each_file_is_moved(toys, ledger):
    with ledger.chapter("commits"):
        drill_every_commit(toys, ledger)
    kinds = ledger.by_kind()
    assert kinds["kill before a file is moved into place"] >= 10
    assert kinds["kill after a file is moved into place"] >= 10
    wheres = {Path(fault.where).name for fault in ledger.faults}
    assert {"u3.parquet", "u14.parquet", "u90.parquet", "published.json", "musqa.duckdb"} <= wheres


def test_runs_and_workers_killed_at_random_moments(toys, ledger, rng):
    def slow(number):
        lake = toys.lake(f"kills-{number}", MANY)
        (lake.home / "slow").write_text("0.05")
        return lake

    with ledger.chapter("kills"):
        drill_random_kills(toys, ledger, rng, n_runs=1, n_workers=1, lake_of=slow, pause_s=0.1)
    assert ledger.by_kind() == {"kill -9 of a run": 1, "kill -9 of a worker": 1}


def test_what_rots_is_made_again(toys, ledger, rng):
    lake = toys.lake("rot")
    toys.finish(lake)
    with ledger.chapter("rot"):
        drill_fragments(toys, ledger, lake, rng, rounds=1)
        drill_record(toys, ledger, lake, rng, ["cut off"])
        drill_views(toys, ledger, lake, rng, rows, ["of zeros"])
    assert len(ledger.faults) >= 12


def test_a_full_disk_costs_nothing_but_the_run(toys, ledger):
    with ledger.chapter("full"), small_disk(toys.folder / "full" / "data", 4096):
        drill_full(toys, ledger, toys.lake("full"), [0, 8])
    if ledger.chapters[-1].skipped:
        pytest.skip(ledger.chapters[-1].skipped)
    assert ledger.by_kind() == {"disk full": 2}


def test_a_file_that_may_not_grow_costs_nothing_but_the_run(toys, ledger):
    with ledger.chapter("small files"):
        drill_small_files(toys, ledger, toys.lake("small"), [900, 100_000])
    assert ledger.by_kind() == {"file size limit": 2}


def test_the_drill_sees_what_is_lost_double_and_different(toys):
    right = toys.undisturbed("1 2 3")
    lake = toys.copy(right, "tampered")
    folder = next((lake.home / "lake" / "labels").glob("*/catalog=toys"))
    shutil.copy(folder / "u1.parquet", folder / "u9.parquet")
    (folder / "u3.parquet").unlink()
    (folder / ".u3.parquet.here-1.tmp").write_bytes(b"half")
    # The views of the copy look into the original: their globs are absolute.
    (lake.home / "musqa.duckdb").unlink()
    verdict = compare(lake.home, right.home)
    assert (verdict.lost, verdict.double, len(verdict.differing)) == (1, 1, 2)
    assert not verdict.whole
    assert len(verdict.leftovers) == 1


def test_a_fault_without_proof_does_not_count(ledger):
    with pytest.raises(AssertionError, match="the fault did not occur"), ledger.chapter("none"):
        ledger.fault("nothing", "nowhere", "")
    assert ledger.faults == []


def test_the_lanes_have_each_chapter_once(ledger, tmp_path):
    assert sorted(name for lane in LANES for name in lane) == sorted(
        Drill(tmp_path, ledger).chapters
    )


def test_ledgers_of_two_lanes_add_up(ledger):
    other = Ledger()
    for one, name in ((ledger, "here"), (other, "there")):
        with one.chapter(name):
            one.fault("kill", "a moment", "exit code -9")
    ledger.add(other)
    assert ledger.by_kind() == {"kill": 2}
    assert [chapter.name for chapter in ledger.chapters] == ["here", "there"]
    assert "2 faults in " in ledger.summary()
