"""What a file is called: by its content, and without reading known files again."""

import os
import shutil

import pytest
import soundfile

from musqa_pipeline.catalogs import file_hashes
from musqa_pipeline.catalogs.file_hashes import Seen, hash_files, hash_once
from musqa_pipeline.catalogs.identity import cache_key, identified_files
from musqa_pipeline.catalogs.known import add_catalog
from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seals import seal_path
from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import catalog_context, get_stage, joint_context
from musqa_pipeline.stages.tracks.duplicates import mark_duplicates
from musqa_pipeline.storage.stores.local_store import LocalStore
from tests.audio.sounds import noise, tracks_of, write

PRESET = parse_preset("test", {"catalogs": ["c"]})


@pytest.fixture
def reads(monkeypatch):
    """The files that were really read."""
    seen = []

    def recording(path):
        seen.append(path.name)
        return real(path)

    real = file_hashes.hash_file
    monkeypatch.setattr(file_hashes, "hash_file", recording)
    return seen


@pytest.fixture
def settled(monkeypatch):
    """Files that were written just now count as settled."""
    monkeypatch.setattr(file_hashes, "SETTLED_NS", -3_600_000_000_000)


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("a.wav", "b.wav", "c.wav"):
        (folder / name).write_bytes(name.encode() * 1000)
    return sorted(folder.iterdir())


def hashed(cache, paths):
    """Hash files with a cache that is a file."""
    return hash_files(LocalStore(cache.parent), cache.name, paths, "reading c")


def run(home):
    """Stages 1 and 2 of catalog `c`: their reports, and the fingerprints of the joint stages."""
    context = catalog_context(home, PRESET, "c")
    tracks = run_stage(get_stage("tracks"), context)
    mark_duplicates(context)
    excerpts = run_stage(get_stage("excerpts"), context)
    return context, tracks, excerpts, joint_context(home, PRESET).fingerprints


def test_touching_and_copying_every_file_changes_no_fingerprint(home, tmp_path):
    folder = tmp_path / "music"
    write(folder / "a.flac", noise(seed=1))
    write(folder / "sub" / "b.flac", noise(seed=2))
    write(folder / "twin of a.flac", noise(seed=1))
    (folder / "empty.wav").touch()
    (folder / "tracks.csv").write_text("file,title\na.flac,A\nabsent.flac,Absent\n")
    add_catalog(home, folder, "c")
    _, tracks, excerpts, before = run(home)
    assert (tracks.made, tracks.quarantined, excerpts.made) == (5, 2, 2)
    for path in folder.rglob("*"):
        os.utime(path, ns=(10**18, 10**18 + path.name.__len__()))
    _, tracks, excerpts, touched = run(home)
    assert (tracks.made, tracks.retired, excerpts.made, excerpts.retired) == (0, 0, 0, 0)
    assert touched == before
    shutil.copytree(folder, tmp_path / "elsewhere")
    shutil.rmtree(folder)
    (home / "catalogs" / "c" / "catalog.toml").unlink()
    add_catalog(home, tmp_path / "elsewhere", "c")
    _, tracks, excerpts, copied = run(home)
    assert (tracks.made, tracks.retired, excerpts.made) == (0, 0, 0)
    assert copied == before
    (tmp_path / "elsewhere" / "a.flac").unlink()  # its twin serves in its place
    assert run(home)[3] != before


def test_a_changed_tag_redoes_the_track_and_not_its_excerpts(home, tmp_path):
    def tagged(title):
        with soundfile.SoundFile(folder / "a.flac", "w", 48_000, 1, "PCM_16") as stream:
            stream.title = title
            stream.write(noise(seed=1))

    folder = tmp_path / "music"
    folder.mkdir()
    tagged("Old")
    add_catalog(home, folder, "c")
    context, tracks, excerpts, before = run(home)
    assert (tracks.made, excerpts.made) == (1, 1)
    assert tracks_of(context)["a.flac"]["title"] == "Old"
    tagged("New")
    context, tracks, excerpts, after = run(home)
    assert (tracks.made, tracks.retired, excerpts.made, excerpts.retired) == (1, 1, 0, 0)
    assert tracks_of(context)["a.flac"]["title"] == "New"
    assert after["dataset"] != before["dataset"]  # a title or an artist may matter there
    assert after["excerpts"] == before["excerpts"]


def test_a_change_that_keeps_size_and_modification_time_is_seen(home, files):
    add_catalog(home, files[0].parent, "c")
    before = dict(identified_files(home, "c"))
    status = files[0].stat()
    files[0].write_bytes(b"X" + files[0].read_bytes()[1:])
    os.utime(files[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    after = dict(identified_files(home, "c"))
    assert len(before.keys() & after.keys()) == 2


def test_a_known_file_is_not_read_again(tmp_path, files, reads, settled):
    cache = tmp_path / "home" / "hashes.parquet"
    first = hashed(cache, files)
    assert sorted(reads) == ["a.wav", "b.wav", "c.wav"]
    reads.clear()
    files[1].write_bytes(b"other")
    second = hashed(cache, files)
    assert reads == ["b.wav"]
    changed = [path.name for path in files if first[path] != second[path]]
    assert changed == ["b.wav"]
    names = sorted(path.name for path in cache.parent.iterdir())
    assert names == [".hashes.parquet.seal", "hashes.parquet"]


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_a_damaged_cache_is_made_again(tmp_path, files, reads, settled, damage):
    cache = tmp_path / "hashes.parquet"
    first = hashed(cache, files)
    reads.clear()
    cache.write_bytes(cache.read_bytes()[:-9] if damage is None else damage)
    seal_path(cache).unlink()
    assert hashed(cache, files) == first
    assert len(reads) == 3
    reads.clear()
    assert hashed(cache, files) == first
    assert reads == []


def test_a_file_that_changed_just_now_is_read_again_next_time(tmp_path, files, reads):
    cache = tmp_path / "hashes.parquet"
    hashed(cache, files)
    hashed(cache, files)
    assert len(reads) == 6


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path, files, settled, monkeypatch):
    growing = iter(range(10**6))

    def restless(path):
        return real(path)._replace(modified_ns=next(growing))

    real = file_hashes._state
    monkeypatch.setattr(file_hashes, "_state", restless)
    seen, state = file_hashes.hash_file(files[0])
    assert (len(seen.content), seen.readable, state) == (32, True, None)


def test_files_that_cannot_be_read_have_their_kind_of_failure(tmp_path, files):
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    odd = [tmp_path / n for n in ("folder.wav", "pipe.wav", "loop.wav", "gone.wav")]
    found = hashed(tmp_path / "h.parquet", [*odd, files[0]])
    kinds = [found[path].content for path in odd]
    assert kinds == ["not a file", "not a file", "OSError", "FileNotFoundError"]
    assert [found[path].readable for path in odd] == [False] * 4
    assert found[files[0]].readable


def test_names_that_are_no_text_are_kept(tmp_path, reads, settled):
    path = tmp_path / os.fsdecode(b"raw\xff.wav")
    path.write_bytes(b"x")
    first = hashed(tmp_path / "h.parquet", [path])
    assert hashed(tmp_path / "h.parquet", [path]) == first
    assert len(reads) == 1


def test_what_was_read_is_saved_and_said_on_the_way(tmp_path, files, settled, monkeypatch, caplog):
    monkeypatch.setattr(file_hashes, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(file_hashes, "LOG_EVERY_S", 0.0)
    monkeypatch.setattr(file_hashes, "READERS", 1)
    saves = []

    class Recording(LocalStore):
        def write_bytes(self, key, content):
            saves.append(key)
            super().write_bytes(key, content)

    with caplog.at_level("INFO", "musqa_pipeline"):
        hash_files(Recording(tmp_path), "h.parquet", files, "reading c")
    assert saves == ["h.parquet"] * 4
    assert "reading c: 2/3 files, 0 of 0 MB" in caplog.text


def test_the_cache_forgets_files_that_are_gone(home, files, settled):
    add_catalog(home, files[0].parent, "c")
    identified_files(home, "c")
    size = (home / cache_key("c")).stat().st_size
    for path in files[1:]:
        path.unlink()
    assert len(identified_files(home, "c")) == 1
    assert (home / cache_key("c")).stat().st_size < size
    assert isinstance(hashed(home / cache_key("c"), files)[files[0]], Seen)


def test_a_home_that_cannot_be_written_costs_the_cache_alone(tmp_path, files, caplog):
    class ReadOnly(LocalStore):
        def write_bytes(self, key, content):
            raise LakeError(f"cannot write {key}: the file system is read-only")

    found = hash_files(ReadOnly(tmp_path), "h.parquet", files, "reading c")
    assert all(seen.readable for seen in found.values())
    assert "next time they are read again: cannot write" in caplog.text


@pytest.mark.usefixtures("settled")
def test_one_file_is_read_once_by_a_process_until_it_changes(files, reads):
    first, second = files[:2]
    known = hash_once(first)
    assert hash_once(first) == known == file_hashes.hash_file(first)[0] != hash_once(second)
    times = first.stat()
    first.write_bytes(b"A.WAV" * 1000)
    os.utime(first, ns=(times.st_atime_ns, times.st_mtime_ns))
    changed = hash_once(first)
    assert changed.readable
    assert changed != known
    second.replace(first)
    assert hash_once(first) == Seen(file_hashes.hash_file(first)[0].content, readable=True)
    first.unlink()
    assert hash_once(first) == Seen("FileNotFoundError", readable=False)
    assert reads == ["a.wav", "a.wav", "b.wav", "a.wav", "a.wav", "a.wav", "a.wav"]


def test_what_was_written_just_now_is_read_again(files, reads):
    assert hash_once(files[0]) == hash_once(files[0])
    assert reads == ["a.wav", "a.wav"]
