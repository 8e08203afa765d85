"""Catalogs and files that go: retired, named, never silently kept, and back without new work."""

import contextlib
import shutil

import dagster as dg
import pytest

from assets import launch
from musqa_pipeline.catalogs.known import add_catalog, catalog_files, list_catalogs, load_catalog
from musqa_pipeline.core.errors import CatalogError, LakeError
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.operations.catalog_removal import remove_catalog
from musqa_pipeline.stages.dataset.inputs import joint_inputs
from musqa_pipeline.stages.engine.catalog_choice import chosen_catalogs
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import catalog_context, get_stage
from musqa_pipeline.stages.tracks import stage as tracks_stage
from musqa_pipeline.stages.tracks.duplicates import mark_duplicates, read_tracks
from musqa_pipeline.stages.views.duck import publish, query
from musqa_pipeline.storage.lake.lake import Lake
from tests.audio.sounds import noise, write

PRESET = parse_preset("test", {"catalogs": ["*"]})


@pytest.fixture(scope="module")
def two_measured(tmp_path_factory):
    """Two catalogs whose tracks are measured: one of two good and a bad file, one of one."""
    folder = tmp_path_factory.mktemp("two")
    write(folder / "one" / "a.wav", noise(seed=1))
    write(folder / "one" / "b.wav", noise(seed=2))
    (folder / "one" / "empty.wav").touch()
    write(folder / "two" / "c.wav", noise(seed=3))
    for name in ("one", "two"):
        add_catalog(folder / "home", folder / name)
        measure(folder / "home", name)
    return folder


@pytest.fixture
def two(two_measured, tmp_path):
    """A copy of it for one test; returns its home."""
    shutil.copytree(two_measured, tmp_path / "copy")
    for toml in (tmp_path / "copy" / "home" / "catalogs").glob("*/catalog.toml"):
        toml.write_text(toml.read_text().replace(str(two_measured), str(tmp_path / "copy")))
    return tmp_path / "copy" / "home"


def measure(home, name):
    context = catalog_context(home, PRESET, name)
    report = run_stage(get_stage("tracks"), context)
    mark_duplicates(context)
    return report


def inputs_of(home):
    return joint_inputs(catalog_context(home, PRESET, "two"))


def refuse_to_decode(*arguments):
    raise AssertionError("a file was decoded")


def test_a_removed_catalog_leaves_views_and_set_and_its_units_are_kept(two):
    before = inputs_of(two)
    publish(catalog_context(two, PRESET, "one"), [])
    assert query(two, "SELECT count(*) FROM tracks").item() == 3
    removal = remove_catalog(two, "one")
    assert (removal.n_retired, removal.presets) == (4, ("test",))  # the bad file has two
    assert [catalog.name for catalog in list_catalogs(two)] == ["two"]
    assert query(two, "SELECT string_agg(file) FROM tracks").item() == "c.wav"
    assert query(two, "SELECT count(*) FROM quarantine").item() == 0
    assert inputs_of(two) != before
    assert len(list((two / "lake" / "retired").rglob("*.parquet"))) == 4
    assert (two.parent / "one" / "a.wav").exists()


def test_adding_it_again_takes_its_units_back_without_decoding(two, monkeypatch):
    before = inputs_of(two)
    remove_catalog(two, "one")
    add_catalog(two, two.parent / "one")
    monkeypatch.setattr(tracks_stage, "measure_file", refuse_to_decode)
    report = measure(two, "one")
    assert (report.made, report.restored, report.quarantined) == (0, 3, 1)
    assert inputs_of(two) == before


def test_a_removal_that_was_killed_is_finished_by_the_next(two, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("musqa_pipeline.operations.catalog_removal.forget_catalog", die)
        with pytest.raises(Killed):
            remove_catalog(two, "one")
    assert load_catalog(two, "one").name == "one"
    assert remove_catalog(two, "one").n_retired == 0
    with pytest.raises(CatalogError, match=r"catalog 'one' is unknown \(known: two\)"):
        remove_catalog(two, "one")


def test_nothing_is_removed_under_a_run(two):
    with (
        Lake(two).lock("run"),
        pytest.raises(LakeError, match="locked by another musqa process"),
    ):
        remove_catalog(two, "one")
    context = catalog_context(two, PRESET, "one")
    with (
        Lake(two).lock(context.partition("tracks").lock_name),
        pytest.raises(LakeError, match="locked by another musqa process"),
    ):
        remove_catalog(two, "one")
    assert len(list_catalogs(two)) == 2


def test_a_file_that_is_gone_retires_and_comes_back_without_new_work(two, tmp_path, monkeypatch):
    before, file = inputs_of(two), two.parent / "one" / "a.wav"
    file.rename(tmp_path / "a.wav")
    report = measure(two, "one")
    assert (report.units, report.made, report.retired) == (2, 0, 1)
    tracks = read_tracks(catalog_context(two, PRESET, "one"))
    assert tracks["file"].to_pylist() == ["b.wav"]
    assert inputs_of(two) != before
    (tmp_path / "a.wav").rename(file)
    monkeypatch.setattr(tracks_stage, "measure_file", refuse_to_decode)
    report = measure(two, "one")
    assert (report.made, report.retired, report.restored) == (0, 0, 1)
    assert inputs_of(two) == before


def test_a_retired_unit_that_is_damaged_is_made_again(two, tmp_path):
    file = two.parent / "one" / "a.wav"
    file.rename(tmp_path / "a.wav")
    measure(two, "one")
    (retired,) = (two / "lake" / "retired").rglob("*.parquet")
    retired.write_bytes(retired.read_bytes()[:-5])
    (tmp_path / "a.wav").rename(file)
    report = measure(two, "one")
    assert (report.made, report.restored) == (1, 0)


@pytest.mark.parametrize("how", ["no folder", "no files", "no listed file"])
def test_a_folder_that_is_gone_whole_retires_nothing(two, tmp_path, how):
    before, folder = inputs_of(two), two.parent / "one"
    folder.rename(tmp_path / "unplugged")
    if how != "no folder":
        folder.mkdir()  # where a disk was mounted
    if how == "no listed file":
        (folder / "tracks.csv").write_text("file,title\na.wav,A\nb.wav,B\n")
    with pytest.raises(CatalogError, match=r"connect the disk|is empty"):
        measure(two, "one")
    assert inputs_of(two) == before


def test_one_listed_file_that_is_there_is_enough(two):
    (two.parent / "one" / "tracks.csv").write_text("file,title\na.wav,A\ngone.wav,Gone\n")
    assert len(catalog_files(load_catalog(two, "one"))) == 4


@pytest.fixture
def launched(monkeypatch, two):
    """The catalogs whose jobs were launched, None for the joint job."""
    seen = []

    def execute(definitions, instance, job, stages, catalog):
        seen.append(catalog)
        return []

    instance = dg.DagsterInstance.ephemeral()
    monkeypatch.setenv("MUSQA_HOME", str(two))
    monkeypatch.setattr(launch, "_execute", execute)
    monkeypatch.setattr(launch, "project_instance", lambda: contextlib.nullcontext(instance))
    return seen


def test_a_catalog_that_is_gone_is_named_and_skipped_and_the_others_run(two, launched, caplog):
    shutil.rmtree(two.parent / "one")
    with caplog.at_level("WARNING", "musqa_pipeline"):
        reports = launch.run("musqa", chosen_catalogs(two, PRESET))
    assert launched == ["two", None]
    (skipped,) = reports
    assert (skipped["stage"], skipped["catalog"]) == ("tracks", "one")
    assert "does not exist" in skipped["skipped"]
    assert "skipped, what was made of it before stays in the set: catalog 'one'" in caplog.text


def test_a_run_none_of_whose_catalogs_is_there_says_so(two, launched):
    shutil.rmtree(two.parent / "one")
    with pytest.raises(CatalogError, match=r"catalog .one.: .* does not exist"):
        launch.run("musqa", ["one"])
    assert launched == []


def test_a_removed_catalog_is_no_partition_any_more(two, launched):
    with launch.project_instance() as instance:
        launch.add_partition("one")
        assert instance.get_dynamic_partitions("catalogs") == ["one"]
        launch.remove_partition("one")
        launch.remove_partition("one")
        assert instance.get_dynamic_partitions("catalogs") == []
