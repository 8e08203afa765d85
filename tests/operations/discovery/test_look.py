"""A look at all places: what becomes a catalog, what is refused, what is gone."""

import shutil

import fsspec
import pytest

from musqa_pipeline.catalogs.known import add_catalog, list_catalogs
from musqa_pipeline.core.home import parse_home
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.operations.discovery import look as module
from musqa_pipeline.operations.discovery.decision import CatalogState
from musqa_pipeline.operations.discovery.look import look
from musqa_pipeline.operations.discovery.watch import Watch
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import catalog_context, get_stage
from musqa_pipeline.stages.rows import CATALOG_STAGES
from tests.audio.sounds import noise, write
from tests.stages.labels.test_listeners import UNTOUCHED

PRESET = parse_preset("mine", {})
NOWHERE = Watch()
LATER = 9e9
"""So far from now that everything rests."""


def music(folder, csv=None):
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"RIFF")
    if csv:
        (folder / "tracks.csv").write_text(csv)
    return folder


def seen(home, memory=None, *, watch=NOWHERE, now_s=LATER, preset=PRESET, register=True):
    found = look(home, preset, watch, memory or {}, now_s=now_s, register=register)
    return {s.name: s for s in found.sightings}, found


def test_a_dropped_folder_becomes_a_catalog_and_is_requested_once(home):
    music(home / "catalogs" / "jazz")
    sightings, found = seen(home)
    assert sightings["jazz"].verdict is CatalogState.REQUEST
    assert sightings["jazz"].run_key.startswith("jazz-")
    assert [c.folder for c in list_catalogs(home)] == [home / "catalogs" / "jazz"]
    again, _ = seen(home, found.memory)
    assert again["jazz"].verdict is CatalogState.KNOWN
    assert not again["jazz"].run_key


def test_a_dry_look_writes_nothing(home):
    music(home / "catalogs" / "jazz")
    sightings, _ = seen(home, register=False)
    assert sightings["jazz"].verdict is CatalogState.REQUEST
    assert list_catalogs(home) == []


@pytest.fixture
def finished(home, tmp_path):
    """A home with a rated catalog whose stages are done, and its preset."""
    folder = tmp_path / "rated"
    folder.mkdir()
    write(folder / "a.wav", noise(10.5, seed=1))
    (folder / "tracks.csv").write_text("file,mos\na.wav,3\n")
    add_catalog(home, folder, "rated")
    preset = parse_preset(
        "rated",
        {
            "excerpts": {"flagged_tracks": "include", "place": "middle"},
            "degradations": UNTOUCHED,
            "labels": {"metric": "listeners"},
        },
    )
    context = catalog_context(home, preset, "rated")
    for stage in CATALOG_STAGES:
        run_stage(get_stage(stage), context)
    return preset


def test_a_finished_catalog_of_a_copied_home_is_known_to_an_instance_without_memory(
    home, finished, tmp_path
):
    copied = tmp_path / "copy"
    shutil.copytree(home, copied)
    found, memory = seen(copied, preset=finished)
    assert found["rated"].verdict is CatalogState.KNOWN
    assert found["rated"].reason == "1 audio files, all done before"
    asked = look(copied, finished, NOWHERE, {}, now_s=LATER, ask_again=True)
    assert [s.name for s in asked.requested] == ["rated"]
    write(tmp_path / "rated" / "b.wav", noise(10.5, seed=2))
    again, _ = seen(copied, memory.memory, preset=finished)
    assert again["rated"].verdict is CatalogState.REQUEST


def test_a_catalog_that_lacks_a_unit_or_has_much_to_read_is_requested(
    home, finished, tmp_path, monkeypatch
):
    context = catalog_context(home, finished, "rated")
    (unit,) = context.lake.done(context.partition("labels", "rated"))
    with monkeypatch.context() as patch:
        patch.setattr(module, "MOST_READ_BYTES", 0)
        shutil.copy2(tmp_path / "rated" / "a.wav", tmp_path / "again.wav")
        (tmp_path / "again.wav").replace(tmp_path / "rated" / "a.wav")  # its hash is not known now
        assert seen(home, preset=finished)[0]["rated"].verdict is CatalogState.REQUEST
    assert seen(home, preset=finished)[0]["rated"].verdict is CatalogState.KNOWN
    context.lake.path(context.partition("labels", "rated"), unit).unlink()
    assert seen(home, preset=finished)[0]["rated"].verdict is CatalogState.REQUEST


def test_a_changed_file_requests_its_own_catalog_again_under_another_key(home):
    for name in ("jazz", "rock"):
        music(home / "catalogs" / name)
    first, found = seen(home)
    (home / "catalogs" / "jazz" / "a.wav").write_bytes(b"RIFF longer")
    second, _ = seen(home, found.memory)
    assert second["jazz"].verdict is CatalogState.REQUEST
    assert second["jazz"].run_key != first["jazz"].run_key
    assert second["rock"].verdict is CatalogState.KNOWN


def test_sub_folders_of_watched_folders_are_catalogs(home, tmp_path):
    music(tmp_path / "incoming" / "jazz")
    (tmp_path / "incoming" / ".part").mkdir()
    sightings, _ = seen(home, watch=Watch((str(tmp_path / "incoming"),)))
    assert sightings.keys() == {"jazz"}
    assert list_catalogs(home)[0].folder == tmp_path / "incoming" / "jazz"


@pytest.mark.parametrize(
    ("name", "csv", "reason"),
    [
        ("bad name", None, "letters, digits, - and _, at most 64; rename the folder"),
        ("demo", None, "the name demo belongs to musqa's own catalog"),
        ("jazz", "recording\nx\n", "has no column 'file'"),
        ("jazz", "file,role\na.wav,guest\n", "role"),
    ],
)
def test_what_cannot_be_used_is_named_and_blocks_nobody(home, name, csv, reason):
    music(home / "catalogs" / name, csv)
    music(home / "catalogs" / "good")
    sightings, found = seen(home)
    assert sightings[name].verdict is CatalogState.REFUSED
    assert reason in sightings[name].reason
    assert sightings[name].news
    assert sightings["good"].verdict is CatalogState.REQUEST
    assert not seen(home, found.memory)[0][name].news


def test_a_folder_without_audio_is_refused_and_tried_again_when_some_comes(home):
    folder = home / "catalogs" / "empty"
    folder.mkdir(parents=True)
    sightings, found = seen(home)
    assert "holds no audio file" in sightings["empty"].reason
    (folder / "a.wav").write_bytes(b"RIFF")
    assert seen(home, found.memory)[0]["empty"].verdict is CatalogState.REQUEST


def test_a_folder_that_vanished_is_named_and_its_memory_kept(home, tmp_path):
    add_catalog(home, music(tmp_path / "jazz"))
    _, found = seen(home)
    shutil.move(tmp_path / "jazz", tmp_path / "away")
    gone, found = seen(home, found.memory)
    assert gone["jazz"].verdict is CatalogState.GONE
    assert "what was made of it stays" in gone["jazz"].reason
    (tmp_path / "jazz").mkdir()  # a mount point whose disk is not there
    assert seen(home, found.memory)[0]["jazz"].verdict is CatalogState.GONE
    (tmp_path / "jazz").rmdir()
    shutil.move(tmp_path / "away", tmp_path / "jazz")
    assert seen(home, found.memory)[0]["jazz"].verdict is CatalogState.KNOWN


def test_the_demo_catalog_and_a_foreign_one_are_left_alone(home, tmp_path):
    add_catalog(home, music(tmp_path / "demo"))
    music(home / "catalogs" / "jazz")
    sightings, _ = seen(home, preset=parse_preset("mine", {"catalogs": ["rock"]}))
    assert {s.verdict for s in sightings.values()} == {CatalogState.UNSEEN}
    assert "preset mine sees rock" in sightings["jazz"].reason
    sightings, _ = seen(home)
    assert sightings["demo"].verdict is CatalogState.UNSEEN


def test_a_name_that_another_folder_has_is_refused(home, tmp_path):
    add_catalog(home, music(tmp_path / "jazz"))
    music(home / "catalogs" / "x").rename(home / "catalogs" / "y")
    music(tmp_path / "incoming" / "jazz")
    found = look(home, PRESET, Watch((str(tmp_path / "incoming"),)), {}, now_s=LATER)
    reasons = {s.folder: s.reason for s in found.sightings}
    assert "already; rename one of the two" in reasons[str(tmp_path / "incoming" / "jazz")]


def test_a_damaged_catalog_file_and_a_missing_place_are_named(home, tmp_path):
    (home / "catalogs" / "odd").mkdir(parents=True)
    (home / "catalogs" / "odd" / "catalog.toml").write_text("folder =")
    sightings, _ = seen(home, watch=Watch((str(tmp_path / "nowhere"),)))
    assert "cannot be used" in sightings["odd"].reason
    assert "is no folder" in sightings["nowhere"].reason


def test_settings_that_changed_request_all_catalogs(home):
    music(home / "catalogs" / "jazz")
    _, found = seen(home)
    other = parse_preset("mine", {"degradations": {"singles": [3], "n_cascades": 0}})
    assert seen(home, found.memory, preset=other)[0]["jazz"].verdict is CatalogState.REQUEST


def test_a_prefix_is_copied_and_requested_and_named_when_it_is_gone(home):
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pipe("/bucket/jazz/a.wav", b"RIFF")
    files.pipe("/bucket/jazz/b.wav", b"RIFF")
    watch = Watch(("memory://bucket",))
    dry, _ = seen(home, watch=watch, register=False)
    assert dry["jazz"].verdict is CatalogState.FETCHING
    assert not (home / "mirrors").exists()
    waiting = look(home, PRESET, watch, {}, now_s=LATER, go_on=lambda: False)
    assert [s.verdict for s in waiting.sightings] == [CatalogState.FETCHING]
    assert waiting.sightings[0].reason == "0 of 2 files are here"
    sightings, found = seen(home, waiting.memory, watch=watch)
    assert sightings["jazz"].verdict is CatalogState.REQUEST
    again, found = seen(home, found.memory, watch=watch)
    assert again["jazz"].verdict is CatalogState.KNOWN
    files.rm("/bucket/jazz/b.wav")
    seen(home, found.memory, watch=watch, register=False)
    assert len(list((home / "mirrors").rglob("b.wav"))) == 1  # a dry look takes nothing away
    fewer, found = seen(home, found.memory, watch=watch)
    assert fewer["jazz"].verdict is CatalogState.REQUEST
    assert fewer["jazz"].reason == "1 audio files, changed"
    files.rm("/bucket/jazz", recursive=True)
    files.pipe("/bucket/other/x.wav", b"RIFF")
    gone, _ = seen(home, found.memory, watch=watch)
    assert gone["jazz"].verdict is CatalogState.GONE
    assert len(list((home / "mirrors").rglob("a.wav"))) == 1
    files.store.clear()


def test_folders_dropped_into_a_home_on_object_storage_become_catalogs(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("MUSQA_SCRATCH", str(tmp_path))
    home = parse_home("s3://bucket/factory")
    s3.put_object(Bucket="bucket", Key="factory/catalogs/jazz/a.wav", Body=b"RIFF")
    sightings, found = seen(home)
    assert sightings["jazz"].verdict is CatalogState.REQUEST
    (catalog,) = list_catalogs(home)
    assert (catalog.folder / "a.wav").read_bytes() == b"RIFF"
    assert catalog.folder.is_relative_to(tmp_path)
    again, found = seen(home, found.memory)
    assert [s.verdict for s in again.values()] == [CatalogState.KNOWN]
    s3.put_object(Bucket="bucket", Key="factory/catalogs/jazz/b.wav", Body=b"RIFF")
    assert seen(home, found.memory)[0]["jazz"].reason == "2 audio files, changed"
