"""One flipped bit in any file of a lake is found by verify, and mended; see `tests/drill`."""

import pytest

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.operations.maintenance.compact import compact_lake
from musqa_pipeline.operations.maintenance.mend import mend
from musqa_pipeline.operations.maintenance.verify import verify_lake
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.engine.run_costs import STAGE_RUNS
from musqa_pipeline.stages.views.duck import publish, query
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from tests.drill.flips import count_flips, files_by_kind, flip, is_parquet, seen_by_verify
from tests.drill.plant import Plant
from tests.storage.lake.first_lake import first_context

PARQUET_FLIPS, OTHER_FLIPS = 354, 100


@pytest.fixture
def rng(request):
    return derive_generator("flips", request.node.name)


@pytest.fixture
def full(home):
    """A small lake with a file of every kind: packs, weights, a report, a record."""
    lake, models = Lake(home), Partition("models", "b" * 32)
    compact_lake(home)
    with lake.work_folder(models, "cnn1d") as work:
        (work.path / "weights.pt").write_bytes(bytes(range(256)) * 5000)
        (work.path / "checkpoint.ckpt").write_bytes(bytes(range(256)) * 5000)
        (work.path / "settings.json").write_text("{}")
    lake.write(models, "cnn1d", STAGE_RUNS.schema.empty_table())
    lake.write(record_partition("stage_runs", "first"), "one", STAGE_RUNS.schema.empty_table())
    for key in ("reports/first/report.html", "cache/file-hashes/first.parquet"):
        lake.store.write_bytes(key, b"PAR1 or not")
    publish(first_context(home), ["labels"])
    assert verify_lake(home).findings == ()
    return home


def test_a_flipped_bit_in_every_kind_of_file_is_found(full, rng):
    kinds = files_by_kind(full)
    assert {
        "pack", "manifest.json", "seal", "unit of models", "weights.pt", "checkpoint.ckpt",
        "published.json", "lake.json", "catalog.toml", "musqa.duckdb", "report.html",
        "cache of hashes", "unit of stage_runs", "schema of a view", "settings.json",
    } <= kinds.keys()  # fmt: skip
    said = count_flips(full, kinds, 4 * len(kinds), rng)
    assert set(said) <= {"wrong_bytes", "wrong_digest", "wrong_checksum", "damaged"}
    assert sum(said.values()) == 4 * len(kinds)
    assert verify_lake(full).findings == ()


def test_verify_finds_a_bit_in_each_kind_at_once_and_mends_all(full, rng):
    n_rows = query(full, "FROM labels").height
    chosen = {k: files[int(rng.integers(len(files)))] for k, files in files_by_kind(full).items()}
    del chosen["seal"]  # with its file it would be two
    for kind, path in chosen.items():
        flip(path, rng)
        assert seen_by_verify(full, path), kind
    seen = verify_lake(full)
    keys = {path.relative_to(full).as_posix(): kind for kind, path in chosen.items()}
    assert keys.keys() <= {finding.key for finding in seen.errors}
    done = mend(full, seen)
    cured = {keys.get(key) for key in (*done.moved, *done.restored)}
    with_its_unit = {"unit of models", "weights.pt", "checkpoint.ckpt", "settings.json"}
    assert cured >= set(keys.values()) - with_its_unit
    assert Lake(full).done(Partition("models", "b" * 32)) == []  # to be trained again
    assert {f.kind for f in verify_lake(full).errors} <= {"missing"}
    assert query(full, "FROM labels").height <= n_rows  # the views are there


@pytest.mark.long
def test_hundreds_of_flips_in_a_lake_of_all_stages_are_all_found(tmp_path, rng):
    plant = Plant(tmp_path)
    try:
        home = plant.undisturbed.home
        compact_lake(home)
        kinds = files_by_kind(home)
        parquet = {kind for kind in kinds if is_parquet(kind)}
        of_parquet = count_flips(home, parquet, PARQUET_FLIPS, rng)
        of_others = count_flips(home, kinds.keys() - parquet, OTHER_FLIPS, rng)
        print(of_parquet, of_others)
        assert "" not in {*of_parquet, *of_others}
        assert (sum(of_parquet.values()), sum(of_others.values())) == (PARQUET_FLIPS, OTHER_FLIPS)
        assert verify_lake(home).findings == ()
    finally:
        plant.close()
