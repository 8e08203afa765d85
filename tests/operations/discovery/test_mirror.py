"""Prefixes copied here: by tag, file by file, whole or not at all; on fsspec's memory."""

import json
from pathlib import Path

import fsspec
import pytest

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.operations.discovery import mirror
from musqa_pipeline.operations.discovery.mirror import INDEX, fetch, list_prefix, mirror_folder
from musqa_pipeline.storage.stores.s3_file import PIECE_BYTES

PREFIX = "memory://bucket/music"


@pytest.fixture
def bucket():
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    for name, data in {
        "jazz/a.flac": b"1",
        "jazz/b/c.flac": b"22",
        "jazz/tracks.csv": b"f",
    }.items():
        files.pipe(f"/bucket/music/{name}", data)
    files.pipe("/bucket/music/rock/d.wav", b"4444")
    yield files
    files.store.clear()


def get(folder, go_on=lambda: True):
    return fetch(PREFIX, "jazz", folder, go_on=go_on)


def test_sub_folders_of_a_prefix_are_listed(bucket):
    assert list_prefix(PREFIX) == ["jazz", "rock"]


def test_a_catalog_is_copied_and_only_what_changed_is_copied_again(bucket, tmp_path, monkeypatch):
    fetched = []
    plain = mirror._fetch_file
    monkeypatch.setattr(
        mirror, "_fetch_file", lambda f, i, path: (fetched.append(path.name), plain(f, i, path))
    )
    assert get(tmp_path / "m").n_missing == 0
    assert (tmp_path / "m" / "b" / "c.flac").read_bytes() == b"22"
    assert sorted(fetched) == ["a.flac", "c.flac", "tracks.csv"]
    fetched.clear()
    assert get(tmp_path / "m").n_missing == 0
    assert fetched == []
    bucket.pipe("/bucket/music/jazz/a.flac", b"9")  # as long as before: the tag says it
    get(tmp_path / "m")
    assert fetched == ["a.flac"]
    assert (tmp_path / "m" / "a.flac").read_bytes() == b"9"


def test_what_left_the_prefix_leaves_the_copy_also_when_the_index_was_lost(bucket, tmp_path):
    get(tmp_path / "m")
    (tmp_path / "m" / INDEX).write_text("{ damaged")
    bucket.rm("/bucket/music/jazz/b/c.flac")
    get(tmp_path / "m")
    assert not (tmp_path / "m" / "b" / "c.flac").exists()
    assert (tmp_path / "m" / "a.flac").exists()
    assert json.loads((tmp_path / "m" / INDEX).read_text()).keys() == {"a.flac", "tracks.csv"}


def test_a_copy_that_was_cut_short_goes_on(bucket, tmp_path):
    left = [True, False]
    first = get(tmp_path / "m", go_on=lambda: left.pop(0))
    assert (first.n_files, first.n_missing) == (3, 2)
    assert get(tmp_path / "m").n_missing == 0


def test_a_torn_transfer_leaves_no_file(bucket, tmp_path, monkeypatch):
    whole = type(bucket).get_file

    def torn(self, remote, local, **options):
        whole(self, remote, local, **options)
        Path(local).write_bytes(b"")

    monkeypatch.setattr(type(bucket), "get_file", torn)
    with pytest.raises(LakeError, match="came with 0 of 1 bytes; it is fetched again"):
        get(tmp_path / "m")
    assert not (tmp_path / "m" / "a.flac").exists()
    monkeypatch.undo()
    assert get(tmp_path / "m").n_missing == 0


def test_a_prefix_that_shows_nothing_any_more_takes_nothing_away(bucket, tmp_path):
    get(tmp_path / "m")
    bucket.rm("/bucket/music/jazz", recursive=True)
    with pytest.raises(LakeError, match=r"holds nothing; check the prefix|cannot be read"):
        get(tmp_path / "m")
    assert (tmp_path / "m" / "a.flac").exists()


def test_names_that_lead_out_of_the_folder_are_left_out(tmp_path):
    found = {
        "/bucket/music/jazz/../../etc/x.wav": {"name": "x", "type": "file"},
        "/bucket/music/jazz/a.wav": {"name": "a", "type": "file"},
        "/bucket/music/jazz/.hidden/b.wav": {"name": "b", "type": "file"},
    }
    inside = mirror._names("/bucket/music/jazz", found)
    assert list(inside) == ["a.wav"]


def test_a_storage_that_fails_is_named(tmp_path):
    with pytest.raises(LakeError, match=r"nosuch://x cannot be read .* check the prefix"):
        list_prefix("nosuch://x")


def test_two_prefixes_have_two_copies(tmp_path):
    assert mirror_folder(tmp_path, "s3://a/x") != mirror_folder(tmp_path, "s3://b/x")


def test_a_prefix_of_an_s3_server_is_copied_by_etag(tmp_path, s3):
    for key in ("music/jazz/a.flac", "music/jazz/b/c.flac", "music/rock/d.wav"):
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    s3.put_object(Bucket="bucket", Key="music/jazz/", Body=b"")  # as the console makes a folder
    assert list_prefix("s3://bucket/music") == ["jazz", "rock"]

    def copy():
        return fetch("s3://bucket/music", "jazz", tmp_path / "m", go_on=lambda: True)

    assert (copy().n_files, copy().n_missing) == (2, 0)
    assert (tmp_path / "m" / "b" / "c.flac").read_bytes() == b"music/jazz/b/c.flac"
    tags = json.loads((tmp_path / "m" / INDEX).read_text())
    s3.put_object(Bucket="bucket", Key="music/jazz/a.flac", Body=b"music/jazz/A.flac")
    s3.put_object(Bucket="bucket", Key="music/blues/e.wav", Body=b"e")
    s3.delete_object(Bucket="bucket", Key="music/jazz/b/c.flac")
    assert list_prefix("s3://bucket/music") == ["blues", "jazz", "rock"]
    assert copy().n_missing == 0
    assert (tmp_path / "m" / "a.flac").read_bytes() == b"music/jazz/A.flac"
    assert not (tmp_path / "m" / "b" / "c.flac").exists()
    assert json.loads((tmp_path / "m" / INDEX).read_text()) != tags
    for prefix in ("s3://absent/x", "s3://bucket/absent"):
        with pytest.raises(LakeError, match=f"{prefix} cannot be read"):
            list_prefix(prefix)
    assert "music" in list_prefix("s3://bucket")


def test_large_and_empty_files_are_copied_from_an_s3_server(tmp_path, s3):
    content = {"empty.csv": b"", "large.wav": bytes(range(256)) * 40_000}
    assert len(content["large.wav"]) > PIECE_BYTES
    for name, body in content.items():
        s3.put_object(Bucket="bucket", Key=f"jazz/{name}", Body=body)
    fetch("s3://bucket", "jazz", tmp_path / "m", go_on=lambda: True)
    assert {name: (tmp_path / "m" / name).read_bytes() for name in content} == content
