"""Which files a library holds."""

import os
import tracemalloc

import pytest

from musqa_pipeline.audio.files.listing import Found, list_library
from musqa_pipeline.core.foreign_text import printable


def names(folder, **options):
    return sorted(found.path for found in list_library(folder, **options))


def test_audio_is_listed_by_its_ending_and_hidden_files_are_left_out(tmp_path):
    for name in ("a.flac", "B.MP3", "sub/c.opus", "cover.jpg", ".hidden.flac", ".git/d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 7)
    assert names(tmp_path) == [b"B.MP3", b"a.flac", b"sub/c.opus"]
    found = {f.path: f for f in list_library(tmp_path)}[b"a.flac"]
    assert found == Found(b"a.flac", 7, (tmp_path / "a.flac").stat().st_mtime_ns)


def test_links_are_followed_and_each_folder_is_seen_once(tmp_path):
    (tmp_path / "music" / "sub").mkdir(parents=True)
    (tmp_path / "music" / "sub" / "a.flac").write_bytes(b"")
    (tmp_path / "music" / "sub" / "up").symlink_to(tmp_path / "music")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.flac").write_bytes(b"")
    (tmp_path / "music" / "link").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "music") == [b"link/b.flac", b"sub/a.flac"]


def test_the_folder_of_the_results_is_not_looked_into(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.wav").write_bytes(b"")
    assert names(tmp_path) == [b"out/a.wav"]
    assert names(tmp_path, leave_out=tmp_path / "out") == []


def test_what_cannot_be_opened_is_listed_with_the_reason(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "gone.flac").symlink_to(tmp_path / "nowhere.flac")
    found = {f.path: f.problem for f in list_library(tmp_path)}
    assert found[b"pipe.wav"] == "it is no regular file"
    assert "No such file" in found[b"gone.flac"]
    missing = list(list_library(tmp_path / "nowhere"))
    assert [f.problem for f in missing] == [
        "the folder cannot be listed: No such file or directory"
    ]


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX alone")
def test_any_name_is_listed_and_can_be_printed(tmp_path):
    name = "line\nbreak é ".encode() + b"\xff.flac"
    os.close(os.open(os.fsencode(tmp_path) + b"/" + name, os.O_CREAT))
    assert names(tmp_path) == [name]
    assert printable(name) == r"line\nbreak é \xff.flac"


def test_a_folder_of_very_many_files_is_streamed(tmp_path):
    """Short form of 200,000: what is held does not grow with the number."""

    def peak_bytes(n):
        folder = tmp_path / str(n)
        folder.mkdir()
        for i in range(n):
            os.close(os.open(folder / f"{i:06d}.flac", os.O_CREAT))
        tracemalloc.start()
        assert sum(1 for _ in list_library(folder)) == n
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few, many = peak_bytes(100), peak_bytes(3_000)
    assert many < few + 20_000
