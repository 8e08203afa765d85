import errno
import subprocess
import sys
import textwrap
from dataclasses import replace

import duckdb
import pytest

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seal_format import State
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.quarantine import QUARANTINE
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.stages.tracks.table import TRACKS
from musqa_pipeline.stages.views import duck
from musqa_pipeline.stages.views.duck import (
    JOINT,
    PER_CATALOG,
    VIEWS,
    database_path,
    publish,
    query,
)
from musqa_pipeline.stages.views.reading import is_readable
from musqa_pipeline.stages.views.tables_page import tables_page
from musqa_pipeline.storage.fragments.byte_digest import check_bytes
from musqa_pipeline.storage.lake.damaged import set_aside_damaged
from musqa_pipeline.storage.packs.compaction import compact_partition
from musqa_pipeline.storage.packs.manifest import read_manifest
from tests import ROOT
from tests.storage.fragments.flips import only_duckdb_stumbles


def context_of(home, preset_name, catalogs=("*",), catalog=None, version=1):
    preset = Preset(name=preset_name, catalogs=catalogs)
    stages = {stage: digest([stage, preset_name, version]) for stage in (*PER_CATALOG, *JOINT)}
    return Context(home, preset, catalog, stages)


def label(degraded_id, mos=3.0):
    return {
        "degraded_id": degraded_id,
        "excerpt_id": "e",
        "metric": "visqol 1",
        "mos": mos,
        "quality": (mos - 1) / 4,
        "vnsim": 0.5,
        "fvnsim": [0.5] * 32,
        "lag_samples": 0,
    }


def write_labels(context, unit, ids):
    context.lake.write(context.partition("labels"), unit, LABELS.from_rows([label(i) for i in ids]))


def test_every_view_answers_before_anything_was_made(home):
    publish(context_of(home, "p"), ["tracks"])
    for view in VIEWS:
        assert query(home, f"SELECT count(*) AS n FROM {view}")["n"].to_list() == [0]


def test_views_show_a_preset_its_catalogs_and_nothing_else(home):
    mine = context_of(home, "mine", ("*",), "2024")
    write_labels(mine, "u1", ["a", "b"])
    write_labels(replace(mine, catalog="demo"), "u1", ["c"])
    publish(mine, ["labels"])
    rows = query(home, "SELECT degraded_id, catalog FROM mine.labels ORDER BY 1").rows()
    assert rows == [("a", "2024"), ("b", "2024")]  # text, though it looks like a number


def test_main_is_the_preset_that_ran_last_and_schemas_stay(home):
    first, second = context_of(home, "one", catalog="c"), context_of(home, "two", catalog="c")
    write_labels(first, "u", ["a"])
    write_labels(second, "u", ["x", "y"])
    publish(first, ["labels"])
    publish(second, ["labels"])
    counts = [
        query(home, f"SELECT count(*) AS n FROM {view}")["n"][0]
        for view in ("one.labels", "two.labels", "labels")
    ]
    assert counts == [1, 2, 2]


@pytest.mark.parametrize("name", ["musqa", "lake"])
def test_a_preset_may_be_called_as_the_file_is(home, name):
    context = context_of(home, name, catalog="c")
    write_labels(context, "u", ["a", "b"])
    publish(context, ["labels"])
    for view in ("labels", f"{name}.labels", f'"{name}"."labels"'):
        assert query(home, f"SELECT count(*) AS n FROM {view}")["n"].to_list() == [2]


def test_nothing_is_written_by_a_query(home):
    publish(context_of(home, "musqa"), ["labels"])
    before = database_path(home).read_bytes()
    for sql in ("CREATE TABLE mine (x INT)", "DROP VIEW labels", "CREATE SCHEMA mine"):
        with pytest.raises(duckdb.Error, match="read-only"):
            query(home, sql)
    assert database_path(home).read_bytes() == before


def test_a_preset_that_was_published_before_a_stage_was_there_shows_it_empty(home, monkeypatch):
    context = context_of(home, "p", catalog="mine")
    write_labels(context, "u", ["a"])
    publish(context, ["labels"])
    for tables in (PER_CATALOG, VIEWS):
        monkeypatch.setitem(tables, "further", replace(LABELS, name="further"))
    publish(context_of(home, "q"), ["tracks"])
    for view, n in (("labels", 1), ("further", 0)):
        assert query(home, f"SELECT count(*) AS n FROM p.{view}")["n"][0] == n


def test_a_joint_view_keeps_the_last_complete_run_until_the_next_is_published(home):
    old = context_of(home, "p", version=1)
    table = VIEWS["splits"].from_rows([])
    old.lake.write(old.joint_partition("splits"), "splits", table)
    publish(old, ["splits"])
    new = context_of(home, "p", version=2)
    publish(new, ["labels"])
    with duckdb.connect(str(database_path(home)), read_only=True) as connection:
        sql = connection.execute(
            "SELECT sql FROM duckdb_views() WHERE view_name = 'splits' AND schema_name = 'p'"
        ).fetchall()[0][0]
    assert old.fingerprints["splits"][:12] in sql


def test_duplicates_in_quarantine_leave_the_view_of_tracks(home):
    context = context_of(home, "p", catalog="c")
    track = {c.name: "" for c in TRACKS.columns}
    track |= {name: 1 for name in ("sample_rate_hz", "channels", "n_ratings")}
    track |= {c.name: 0.0 for c in TRACKS.columns if str(c.type) == "double"}
    for unit in ("u1", "u2"):
        row = {**track, "unit_id": unit, "file": unit, "flags": []}
        context.lake.write(context.partition("tracks"), unit, TRACKS.from_rows([row]))
    refused = {c.name: "x" for c in QUARANTINE.columns} | {"unit_id": "u2", "stage": "tracks"}
    partition = context.partition("tracks").quarantine
    context.lake.write(partition, "u2", QUARANTINE.from_rows([refused]))
    publish(context, ["tracks"])
    assert query(home, "SELECT unit_id FROM tracks")["unit_id"].to_list() == ["u1"]
    assert query(home, "SELECT unit_id FROM quarantine")["unit_id"].to_list() == ["u2"]


def test_only_views_that_changed_are_made_again(home, monkeypatch):
    made, make = [], duck._make_views

    def record(file, views, there):
        made.append({name for (_, name), _ in views.items() - there.items()})
        make(file, views, there)

    monkeypatch.setattr(duck, "_make_views", record)
    context = context_of(home, "p")
    publish(context, ["tracks"])
    publish(context, ["evaluation"])
    fingerprints = {**context.fingerprints, "models": digest(["models", 2])}
    publish(replace(context, fingerprints=fingerprints), ["models", "evaluation"])
    database_path(home).unlink()
    publish(context, ["evaluation"])
    assert made == [set(VIEWS), {"evaluations"}, {"runs", "evaluations"}, set(VIEWS)]
    for schema in ("p", "main"):
        assert query(home, f"SELECT count(*) AS n FROM {schema}.runs")["n"][0] == 0


def test_another_process_queries_while_the_database_is_rewritten(home):
    context = context_of(home, "p", catalog="c")
    write_labels(context, "u0", ["a"])
    publish(context, ["labels"])
    program = textwrap.dedent(
        """
        import sys; from pathlib import Path; from musqa_pipeline.stages.views.duck import query
        seen = []
        print("ready", flush=True)
        while not seen or seen[-1] < 12:
            seen.append(query(Path(sys.argv[1]), "SELECT count(*) AS n FROM labels")["n"][0])
        print(len(seen), seen == sorted(seen), flush=True)
        """
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", program, str(home)], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline() == "ready\n"
    for index in range(1, 12):
        write_labels(context, f"u{index}", [f"a{index}"])
        publish(context, ["labels"])
    n_queries, monotone = reader.communicate(timeout=60)[0].split()
    assert int(n_queries) > 1
    assert monotone == "True"


def test_a_query_without_a_database_says_what_to_run(home):
    with pytest.raises(LakeError, match="does not exist; run `musqa demo`"):
        query(home, "SELECT 1")


def test_the_database_has_a_storage_version_that_older_clients_read(home):
    publish(context_of(home, "p"), ["tracks"])
    with duckdb.connect(str(database_path(home)), read_only=True) as connection:
        tags = connection.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal")
        assert "v1.0.0" in str(tags.fetchall())


def test_the_page_of_tables_is_current():

    page = ROOT / "docs" / "tables.md"
    assert page.read_text() == tables_page(), "run `make docs`"


def test_a_damaged_or_lost_database_is_written_again_by_a_query(home, caplog):
    mine = context_of(home, "mine", ("*",), "c")
    write_labels(mine, "u1", ["a"])
    publish(mine, ["labels"])
    path = database_path(home)
    for content in (b"", b"no database", path.read_bytes()[:5000]):
        path.write_bytes(content)
        assert query(home, "SELECT degraded_id FROM labels").rows() == [("a",)]
        assert f"{path} is damaged, its views are written again" in caplog.text
        caplog.clear()
    path.unlink()
    assert query(home, "SELECT degraded_id FROM mine.labels").rows() == [("a",)]


def test_a_damaged_record_is_named_with_what_to_do(home):
    mine = context_of(home, "mine", ("*",), "c")
    publish(mine, ["labels"])
    for content in ("{", "[]", '{"last": "mine"}'):
        (home / "published.json").write_text(content)
        (home / ".published.json.seal").unlink(missing_ok=True)
        with pytest.raises(LakeError, match=r"published.json is damaged .*; delete it, and run ea"):
            publish(mine, ["labels"])
    (home / "published.json").unlink()
    publish(mine, ["labels"])


def test_a_damaged_fragment_hides_neither_its_table_nor_other_presets(home, caplog):
    mine, other = context_of(home, "mine", catalog="c"), context_of(home, "other", catalog="c")
    write_labels(mine, "u1", ["a"])
    write_labels(mine, "u2", ["b"])
    publish(mine, ["labels"])
    broken = mine.lake.path(mine.partition("labels"), "u2")
    broken.write_bytes(broken.read_bytes()[:100])
    publish(other, ["labels"])
    assert query(home, "SELECT degraded_id FROM mine.labels").rows() == [("a",)]
    assert "damaged, set aside and made again by the next run: lake/labels/" in caplog.text
    assert mine.lake.missing(mine.partition("labels"), ["u1", "u2"]) == ["u2"]
    assert len(list((home / "lake" / "damaged").rglob("u2.parquet"))) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_what_duckdb_alone_cannot_read_is_named_set_aside_and_hides_nothing(home, caplog, packed):
    mine = context_of(home, "mine", catalog="c")
    partition = mine.partition("labels")
    write_labels(mine, "u1", ["a"])
    if packed:
        compact_partition(mine.lake.store, partition)
    publish(mine, ["labels"])
    write_labels(mine, "u2", ["b"])
    broken = mine.lake.path(partition, "u2")
    if packed:
        broken = home / read_manifest(mine.lake.store, partition).packs[0]
    only_duckdb_stumbles(broken)
    assert mine.lake.done(partition) == ["u1", "u2"]
    publish(mine, ["labels"])
    assert "damaged, set aside and made again by the next run: lake/labels/" in caplog.text
    if packed:  # its values are whole, and packed anew
        assert query(home, "FROM labels SELECT degraded_id ORDER BY ALL").rows() == [("a",), ("b",)]
        assert check_bytes(broken) is State.WHOLE
    else:
        assert query(home, "SELECT degraded_id FROM labels").rows() == [("a",)]
        assert mine.lake.missing(partition, ["u1", "u2"]) == ["u2"]


def test_a_query_that_comes_upon_a_damaged_unit_sets_it_aside(home, caplog):
    mine = context_of(home, "mine", catalog="c")
    partition = mine.partition("labels")
    write_labels(mine, "u1", ["a"])
    write_labels(mine, "u2", ["b"])
    publish(mine, ["labels"])
    only_duckdb_stumbles(mine.lake.path(partition, "u2"))
    assert query(home, "SELECT degraded_id FROM labels").rows() == [("a",)]
    assert "damaged, set aside and made again by the next run: lake/labels/" in caplog.text
    assert mine.lake.missing(partition, ["u1", "u2"]) == ["u2"]
    with pytest.raises(duckdb.Error, match="not exist"):
        query(home, "SELECT nothing FROM no_table")


def test_a_disk_that_does_not_answer_is_no_reason_to_set_a_fragment_aside(home, monkeypatch):
    mine = context_of(home, "mine", catalog="c")
    write_labels(mine, "u1", ["a"])
    publish(mine, ["labels"])

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("musqa_pipeline.storage.lake.damaged.pq.read_schema", fail)
    assert set_aside_damaged(mine.lake.store, [mine.partition("labels")], is_readable) == []
    assert mine.lake.done(mine.partition("labels")) == ["u1"]
