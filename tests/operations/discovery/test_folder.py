"""The state of a folder: what moves it and what does not."""

import os

from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.operations.discovery import folder as subject


def folder_state(folder, **options):
    return subject.folder_state(Source(folder, **options))


def make(folder):
    (folder / "disc 1").mkdir(parents=True)
    (folder / "disc 1" / "a.flac").write_bytes(b"1234")
    (folder / "b.WAV").write_bytes(b"12")
    (folder / "notes.txt").write_text("x")
    return folder


def test_audio_is_counted_by_its_ending_at_any_depth(tmp_path):
    state = folder_state(make(tmp_path / "music"))
    assert (state.n_audio, state.n_files, state.ready_ns) == (2, 3, None)


def test_what_is_no_part_of_the_catalog_leaves_the_state_as_it_is(tmp_path):
    folder = make(tmp_path / "music")
    before = folder_state(folder)
    (folder / "READY").touch()
    (folder / "catalog.toml").write_text("folder = 'x'")
    (folder / ".mirror.json").write_text("{}")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "c.wav").touch()
    after = folder_state(folder)
    assert after.state == before.state
    assert after.ready_ns == (folder / "READY").stat().st_mtime_ns


def test_every_change_of_a_file_moves_the_state(tmp_path):
    folder = make(tmp_path / "music")
    states = [folder_state(folder).state]
    (folder / "c.mp3").write_bytes(b"1")
    states.append(folder_state(folder).state)
    (folder / "c.mp3").write_bytes(b"12")
    states.append(folder_state(folder).state)
    os.utime(folder / "c.mp3", ns=(1, 1))
    states.append(folder_state(folder).state)
    (folder / "c.mp3").rename(folder / "d.mp3")
    states.append(folder_state(folder).state)
    (folder / "disc 1" / "a.flac").unlink()
    states.append(folder_state(folder).state)
    (folder / "dangling.wav").symlink_to(tmp_path / "nowhere")
    states.append(folder_state(folder).state)
    assert len(set(states)) == len(states)


def test_old_times_that_a_copy_brings_along_do_not_hide_that_it_is_new(tmp_path):
    folder = make(tmp_path / "music")
    for path in (folder / "b.WAV", folder / "notes.txt", folder / "disc 1" / "a.flac"):
        os.utime(path, (1000, 1000))
    for path in (folder / "disc 1", folder):
        os.utime(path, (1000, 1000))
    assert folder_state(folder).changed_s > 1_600_000_000


def test_loops_of_links_end(tmp_path):
    folder = make(tmp_path / "music")
    (folder / "disc 1" / "up").symlink_to(folder, target_is_directory=True)
    assert folder_state(folder).n_audio == 2


def test_a_folder_that_is_not_there_has_no_state(tmp_path):
    assert folder_state(tmp_path / "gone") is None
    (tmp_path / "file").touch()
    assert folder_state(tmp_path / "file") is None


def test_links_that_lead_out_are_seen_and_not_followed_unless_allowed(tmp_path):
    outside = make(tmp_path / "outside")
    folder = make(tmp_path / "music")
    (folder / "more").symlink_to(outside, target_is_directory=True)
    assert folder_state(folder).n_audio == 2
    assert folder_state(folder, follow_links=True).n_audio == 4
    before = folder_state(folder).state
    (folder / "more").unlink()
    assert folder_state(folder).state != before


def test_a_table_of_files_anywhere_moves_with_each_of_them(tmp_path):
    folder = make(tmp_path / "music")
    table = tmp_path / "list.csv"
    table.write_text("file\nmusic/b.WAV\n")
    before = subject.listed_state(table, [folder / "b.WAV"])
    (folder / "b.WAV").write_bytes(b"123")
    after = subject.listed_state(table, [folder / "b.WAV"])
    assert (before.n_audio, after.n_audio) == (1, 1)
    assert before.state != after.state
    assert subject.listed_state(tmp_path / "gone.csv", []) is None
