"""The catalogs of version 2 of the release: which of them may become a test."""

from __future__ import annotations

import os

import numpy as np
import soundfile

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


def test_a_share_of_the_music_made_here_is_stored_at_44_1_khz(tmp_path):
    from release_catalogs import link_to_train

    source, folder = tmp_path / "pieces", tmp_path / "synthesised"
    source.mkdir()
    names = [f"{number:03d}.flac" for number in range(60)]
    tone = 0.5 * np.sin(np.arange(4_800) * 0.1)  # 764 Hz
    for name in names:
        soundfile.write(source / name, np.stack([tone, tone], 1), 48_000, subtype="PCM_24")
    (source / TRACKS_CSV).write_text("\n".join(["file", *names, ""]))
    link_to_train(source, folder)
    assert all((folder / name).is_symlink() for name in names)
    link_to_train(source, folder, share_at_44_1_khz=1 / 3)  # links make way
    narrow = [name for name in names if not (folder / name).is_symlink()]
    assert 10 <= len(narrow) <= 30
    x, rate_hz = soundfile.read(folder / narrow[0])
    assert (rate_hz, x.shape) == (44_100, (4_410, 2))
    middle = slice(1_000, 3_400)
    expected = 0.5 * np.sin(np.arange(4_410) * 0.1 * 48_000 / 44_100)
    np.testing.assert_allclose(x[middle, 0], expected[middle], atol=1e-3)
    written = (folder / narrow[0]).stat().st_mtime_ns
    link_to_train(source, folder, share_at_44_1_khz=1 / 3)
    assert (folder / narrow[0]).stat().st_mtime_ns == written
    os.utime(source / narrow[0], ns=(written + 10**9, written + 10**9))  # made anew
    link_to_train(source, folder, share_at_44_1_khz=1 / 3)
    assert (folder / narrow[0]).stat().st_mtime_ns > written
    link_to_train(source, folder)
    assert all((folder / name).is_symlink() for name in names)
