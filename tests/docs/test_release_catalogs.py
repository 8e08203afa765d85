"""The catalogs of version 2 of the release: which of them may become a test."""

from __future__ import annotations

from musqa_pipeline.catalogs.folder import TRACKS_CSV
from musqa_pipeline.core.csv_files import read_rows


def test_recordings_that_must_not_be_a_test_are_linked_with_the_role_train(tmp_path):
    from release_catalogs import link_to_train

    source, folder = tmp_path / "more", tmp_path / "openmore"
    (source / "a").mkdir(parents=True)
    (source / "a" / "song.flac").write_bytes(b"sound")
    (source / "b.flac").write_bytes(b"more")
    (source / TRACKS_CSV).write_text("file,artist,role\na/song.flac,Ann,\nb.flac,Ben,test\n")
    for _ in range(2):  # a second call finds all of it
        link_to_train(source, folder)
    assert (folder / "a" / "song.flac").read_bytes() == b"sound"
    rows = read_rows(folder / TRACKS_CSV)[1]
    assert [(row["file"], row["artist"], row["role"]) for row in rows] == [
        ("a/song.flac", "Ann", "train"),
        ("b.flac", "Ben", "train"),
    ]
    (source / TRACKS_CSV).write_text("file\nb.flac\n")
    link_to_train(source, folder)
    assert read_rows(folder / TRACKS_CSV)[0] == ["file", "role"]
