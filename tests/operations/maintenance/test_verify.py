"""Every kind of damage is found where it is, and nothing else is."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from musqa_pipeline.core.seals import seal_path
from musqa_pipeline.operations.maintenance.mend import Mended, mend
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.engine.run_costs import STAGE_RUNS
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.reading import all_units
from musqa_pipeline.storage.stores.local_store import LocalStore
from musqa_pipeline.storage.stores.store import StoredFile
from tests.storage.lake.first_lake import first_context, unpack


def file_of(home, stage, index=0):
    context = first_context(home)
    partition = context.partition(stage)
    return context.lake.path(partition, all_units(context.lake.store, partition)[index])


def kinds(seen):
    return sorted({finding.kind for finding in seen.findings})


def rewrite(path, change=lambda table: table, footer=None):
    """Write a file with other rows or footer keys, and the old checksum."""
    table = pq.read_table(path, partitioning=None)
    metadata = {**table.schema.metadata, **(footer or {})}
    pq.write_table(change(table).replace_schema_metadata(metadata), path)


def flip_bit(path):
    """Flip one bit of the bitstreams, in the middle of the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def first_mos_is_higher(table):
    mos = pa.array([table["mos"][0].as_py() + 0.5, *table["mos"].to_pylist()[1:]])
    return table.set_column(table.schema.get_field_index("mos"), table.schema.field("mos"), mos)


DAMAGE = {
    "truncated": ("labels", lambda p: p.write_bytes(p.read_bytes()[:-20]), "damaged"),
    "zero length": ("excerpts", lambda p: p.write_bytes(b""), "damaged"),
    "rubbish": ("tracks", lambda p: p.write_bytes(b"PAR1" * 50), "damaged"),
    "a bit of audio": ("degradations", flip_bit, "damaged"),
    "another value": ("labels", lambda p: rewrite(p, first_mos_is_higher), "wrong_checksum"),
    "a row less": ("labels", lambda p: rewrite(p, lambda t: t.slice(1)), "wrong_checksum"),
    "another fingerprint": (
        "labels",
        lambda p: rewrite(p, footer={b"musqa.fingerprint": b"0" * 32}),
        "wrong_fingerprint",
    ),
    "no fingerprint": (
        "labels",
        lambda p: pq.write_table(pq.read_table(p).replace_schema_metadata(None), p),
        "wrong_fingerprint",
    ),
    "a column less": ("labels", lambda p: rewrite(p, lambda t: t.drop(["mos"])), "wrong_schema"),
}


def test_a_whole_lake_has_no_finding(home):
    seen = verify_lake(home)
    assert seen.findings == ()
    assert (seen.n_rows, seen.n_unsummed) == (2 + 1 + 2 + 4 + 4, 0)
    files = [p for p in (home / "lake").rglob("*.parquet") if p.is_file()]
    assert (seen.n_files, seen.n_bytes) == (len(files), sum(p.stat().st_size for p in files))


def test_a_lake_of_an_early_release_is_read_and_said_to_have_no_checksums(tmp_path):
    seen = verify_lake(unpack(tmp_path))
    assert seen.errors == ()
    assert seen.n_unsummed == 10


def test_a_lake_of_an_early_release_gets_digests_and_keeps_its_units(tmp_path):
    home = unpack(tmp_path)
    seen, context = verify_lake(home), first_context(home)
    before = {
        stage: context.lake.done(context.partition(stage)) for stage in ("excerpts", "labels")
    }
    assert seen.undigested
    assert set(mend(home, seen).digested) == set(seen.undigested)
    again = verify_lake(home)
    assert (again.findings, again.undigested, again.n_unsummed) == ((), (), 0)
    assert all(
        context.lake.done(context.partition(stage)) == done for stage, done in before.items()
    )
    assert before["labels"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_mended_by_the_next_run(home, damage):
    stage, do, kind = DAMAGE[damage]
    path = file_of(home, stage)
    do(path)
    seen = verify_lake(home)
    key = path.relative_to(home).as_posix()
    assert (kind, key) in {(finding.kind, finding.key) for finding in seen.findings}
    assert {finding.key for finding in seen.errors if finding.kind != "missing"} == {key}
    assert mend(home, seen).moved == [key]
    partition = first_context(home).partition(stage)
    assert Lake(home).missing(partition, [path.stem]) == [path.stem]
    assert (home / "lake" / "damaged" / key.removeprefix("lake/")).exists()
    assert kind not in kinds(verify_lake(home))
    if stage == "tracks":
        assert run_stage(get_stage("tracks"), first_context(home)).made == 1
        assert verify_lake(home).findings == ()


def test_what_tables_refer_to_and_is_not_there_is_missing(home):
    path = file_of(home, "excerpts")
    path.unlink()
    (finding,) = verify_lake(home).findings
    assert (finding.kind, finding.is_error) == ("missing", True)
    assert finding.detail == f"degradations of catalog first refer to excerpt_id {path.stem}"
    assert finding.key == path.parent.relative_to(home).as_posix()


def test_labels_that_are_still_to_be_made_are_a_note(home):
    file_of(home, "labels").unlink()
    seen = verify_lake(home)
    assert (kinds(seen), seen.errors) == (["unfinished"], ())


def test_strangers_and_leftovers_are_notes(home):
    folder = file_of(home, "labels").parent
    (folder / "notes.txt").write_text("x")
    (folder / ".u.parquet.host-1.tmp").write_text("half")
    lake, partition = Lake(home), first_context(home).partition("labels", "unknown")
    lake.write(partition, "u", pa.table({"a": [1]}))
    seen = verify_lake(home)
    assert kinds(seen) == ["leftover", "orphan", "wrong_schema"]
    details = {finding.detail for finding in seen.findings if finding.kind == "orphan"}
    assert details == {"no stage writes such a file", "catalog unknown is unknown"}


def test_checkpoints_and_reports_beside_units_are_no_strangers(home):
    folder = home / "lake" / "models" / "run=0123456789ab" / "cnn1d"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"x")
    seen = verify_lake(home)
    assert (kinds(seen), seen.errors) == (["undigested"], ())
    assert mend(home, seen).digested == [
        (folder / "weights.safetensors").relative_to(home).as_posix()
    ]
    assert verify_lake(home).findings == ()


def test_a_file_that_a_run_moves_away_meanwhile_is_no_finding(home, monkeypatch):
    there = LocalStore(home).walk("lake")
    gone = f"{first_context(home).partition('labels').folder_key}/gone.parquet"
    listed = [*there, StoredFile(gone, 1, "v", 0.0)]
    monkeypatch.setattr(LocalStore, "walk", lambda store, folder: listed * (folder == "lake"))
    seen = verify_lake(home)
    n_fragments = sum(file.key.endswith(".parquet") for file in listed)
    assert (seen.findings, seen.n_files) == ((), n_fragments)


def test_records_that_nothing_can_make_again_are_never_taken_out(home):
    partition = record_partition("promotions", "first")
    path = Lake(home).write(partition, "000001", pa.table({"a": [1]}))
    path.write_bytes(b"rubbish")
    seen = verify_lake(home)
    assert [finding.kind for finding in seen.errors] == ["damaged"]
    seal_path(path).unlink()
    assert mend(home, seen) == Mended()
    assert path.exists()


def test_records_are_put_back_from_their_copy_or_from_their_values(home):
    partition = record_partition("stage_runs", "first")
    path = Lake(home).write(partition, "one", STAGE_RUNS.schema.empty_table())
    before = path.read_bytes()
    path.write_bytes(before.replace(b"parquet-cpp", b"Parquet-cpp"))
    seen = verify_lake(home)
    assert [finding.kind for finding in seen.errors] == ["wrong_bytes"]
    assert mend(home, seen).restored == [path.relative_to(home).as_posix()]
    assert path.read_bytes() == before
    path.write_bytes(before.replace(b"parquet-cpp", b"Parquet-cpp"))
    seal_path(path).unlink()
    assert mend(home, seen).restored == [path.relative_to(home).as_posix()]
    assert path.read_bytes() == before


def test_what_a_run_works_on_is_not_mended(home):
    path = file_of(home, "labels")
    path.write_bytes(b"")
    seen = verify_lake(home)
    with Lake(home).lock(first_context(home).partition("labels").lock_name):
        assert mend(home, seen) == Mended()
    assert path.exists()


def test_the_command_ends_with_1_and_lists_what_is_lost(home):
    def verify(*options):
        command = [sys.executable, "-m", "musqa_pipeline.cli", "verify", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    path = file_of(home, "excerpts")
    flip_bit(path)
    failed = verify("--json")
    record = json.loads(failed.stdout)
    assert (failed.returncode, record["errors"]) == (1, 1)
    assert record["findings"][0]["key"] == path.relative_to(home).as_posix()
    assert f"1 errors in {home}; see docs/lake.md" in failed.stderr
    mended = verify("--mend")
    assert mended.returncode == 1
    assert "1 files moved to lake/damaged; `musqa run` makes them again" in mended.stdout
    assert verify().stdout.startswith("missing: ")  # until the next run has made it
