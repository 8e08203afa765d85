"""Today's code on a lake that the first release wrote: it reads, migrates and queries it."""

import json
import os

import pytest

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.operations.catalog_removal import remove_catalog
from musqa_pipeline.stages.dataset.inputs import joint_inputs, read_labelled_rows
from musqa_pipeline.stages.engine.migrations import bring_forward
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.tracks import stage as tracks_stage
from musqa_pipeline.stages.views.duck import publish, query
from musqa_pipeline.storage.fragments import parquet
from musqa_pipeline.storage.lake.lake import Lake
from musqa_pipeline.storage.lake.layout import LAYOUT, read_layout
from musqa_pipeline.storage.stores.local_store import LocalStore
from tests.audio.sounds import quarantine_of, tracks_of
from tests.stages.engine.toy_stage import TOY, toy_context
from tests.storage.lake.first_lake import CATALOG, first_context, point_to, preset, unpack

PIECES = ["piece 0.flac", "piece 1.flac"]


@pytest.fixture
def first(tmp_path):
    return unpack(tmp_path)


@pytest.fixture
def no_decoding(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a file was decoded")

    monkeypatch.setattr(tracks_stage, "measure_file", refuse)
    monkeypatch.setattr(tracks_stage, "read_info", refuse)


def state(home):
    """Everything below lake/ but what is retired: paths and bytes."""
    files = [p for p in (home / "lake").rglob("*") if p.is_file() and "retired" not in p.parts]
    return {str(p.relative_to(home)): p.read_bytes() for p in files}


def test_units_are_taken_over_without_decoding(first, no_decoding):
    assert read_layout(Lake(first))["layout"] == 1
    context = first_context(first)
    old = context.lake.done(context.partition("tracks"))
    lines = []
    (result,) = bring_forward(first, lines.append)
    assert (result.catalog, result.n_adopted, result.n_left) == (CATALOG, 3, 0)
    assert lines == ["layout 2, tracks are named by their content, first: 3 taken over, 0 left"]
    new = context.lake.done(context.partition("tracks"))
    assert len(new) == 3
    assert not set(new) & set(old)
    report = run_stage(get_stage("tracks"), context)
    assert (report.units, report.made, report.retired, report.quarantined) == (3, 0, 0, 1)
    assert sorted(tracks_of(context)) == PIECES
    assert all(row["unit_id"] in new for row in tracks_of(context).values())
    assert quarantine_of(context)["sketch.flac"]["reason"] == "cannot_decode"
    retired = {path.stem for path in (first / "lake" / "retired" / "tracks").rglob("*.parquet")}
    assert retired == set(old)
    assert bring_forward(first) == []


def test_the_joint_stages_see_no_difference(first):
    before = joint_inputs(first_context(first, None))
    bring_forward(first)
    assert joint_inputs(first_context(first, None)) == before
    for path in (first.parent / "music").iterdir():
        os.utime(path, (1, 1))
    assert run_stage(get_stage("tracks"), first_context(first)).made == 0
    assert joint_inputs(first_context(first, None)) == before


def test_it_is_read_and_queried_by_todays_code(first):
    bring_forward(first)
    context = first_context(first)
    publish(context, ["labels"])
    counts = query(
        first,
        "SELECT (SELECT count(*) FROM tracks), (SELECT count(*) FROM excerpts),"
        " (SELECT count(*) FROM degradations), (SELECT count(*) FROM quarantine),"
        " (SELECT count(*) FROM labels JOIN degradations USING (catalog, degraded_id, excerpt_id)"
        "  JOIN excerpts USING (catalog, excerpt_id) JOIN tracks USING (catalog, track_id))",
    )
    assert counts.row(0) == (2, 2, 4, 1, 4)
    rows = read_labelled_rows(first_context(first, None))
    assert sorted(rows["file"].unique()) == PIECES
    assert rows["mos"].is_between(1, 4.75).all()


def test_it_can_be_queried_before_it_is_migrated(first):
    publish(first_context(first), ["labels"])
    assert query(first, "SELECT count(*) FROM tracks").item() == 2


def test_a_file_that_changed_since_is_made_again_and_its_old_unit_retires(first):
    (first.parent / "music" / "piece 0.flac").touch()
    (result,) = bring_forward(first)
    assert (result.n_adopted, result.n_left) == (2, 1)
    report = run_stage(get_stage("tracks"), first_context(first))
    assert (report.made, report.retired) == (1, 1)


def test_a_catalog_whose_folder_is_gone_waits_and_is_taken_over_later(first, tmp_path):
    music = tmp_path / "music"
    music.rename(tmp_path / "unplugged")
    lines = []
    (result,) = bring_forward(first, lines.append)
    assert "does not exist" in result.waiting
    assert len(lines) == 1
    assert read_layout(Lake(first)) == {"layout": 2, "waiting": {"2": [CATALOG]}}
    bring_forward(first, lines.append)
    assert len(lines) == 1  # said once
    (tmp_path / "unplugged").rename(tmp_path / "plugged in")
    point_to(first, tmp_path / "plugged in")
    assert run_stage(get_stage("tracks"), first_context(first)).made == 0
    assert read_layout(Lake(first)) == {"layout": 2, "waiting": {"2": []}}


def test_a_look_at_an_old_lake_writes_nothing(first):
    def files():
        return {p: p.read_bytes() for p in first.rglob("*") if p.is_file()}

    before = files()
    assert catalog_context(first, preset(), CATALOG).catalog == CATALOG
    assert "evaluation" in joint_context(first, preset()).fingerprints
    assert files() == before


def test_a_catalog_that_is_removed_waits_no_longer(first, tmp_path):
    (tmp_path / "music").rename(tmp_path / "unplugged")
    bring_forward(first)
    remove_catalog(first, CATALOG)
    bring_forward(first)
    assert read_layout(Lake(first)) == {"layout": 2, "waiting": {"2": []}}


@pytest.mark.parametrize("step", range(10))
def test_a_kill_at_any_step_costs_nothing(first, tmp_path, monkeypatch, step):
    undisturbed = unpack(tmp_path / "undisturbed")
    bring_forward(undisturbed)
    steps = iter(range(100))

    class Killed(BaseException):
        pass

    def counted(real):
        def call(*arguments, **options):
            if next(steps) == step:
                raise Killed
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(parquet, "write_fragment", counted(parquet.write_fragment))
        patch.setattr(LocalStore, "move", counted(LocalStore.move))
        patch.setattr(LocalStore, "write_bytes", counted(LocalStore.write_bytes))
        with pytest.raises(Killed):
            bring_forward(first)
    bring_forward(first)
    assert state(first) == state(undisturbed)
    assert read_layout(Lake(first))["layout"] == LAYOUT


def test_a_lake_from_the_future_is_refused(home):
    Lake(home).store.write_bytes("lake.json", json.dumps({"layout": LAYOUT + 1}).encode())
    said = f"layout {LAYOUT + 1}, and this musqa knows layouts up to {LAYOUT}: .* update musqa"
    with pytest.raises(LakeError, match=said):
        catalog_context(home, preset(), CATALOG)
    with pytest.raises(LakeError, match=said):
        run_stage(TOY, toy_context(home, "1"))
    assert not (home / "lake").exists()


def test_a_damaged_record_says_what_to_do(home):
    Lake(home).store.write_bytes("lake.json", b"{")
    with pytest.raises(LakeError, match=r"is damaged .*delete it and run `musqa migrate`"):
        bring_forward(home)


def test_a_new_lake_has_the_present_layout(home):
    assert bring_forward(home) == []
    assert not home.exists()
    run_stage(TOY, toy_context(home, "1"))
    assert json.loads((home / "lake.json").read_text()) == {"layout": LAYOUT, "waiting": {}}
    assert bring_forward(home) == []
