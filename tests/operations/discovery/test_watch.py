"""What is watched: MUSQA_WATCH as a list or a file, and the quiet time."""

from pathlib import Path

import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.operations.discovery.watch import QUIET_S, is_remote, read_watch


def test_nothing_is_watched_beside_the_catalogs_by_default():
    assert read_watch({}).folders == ()
    assert read_watch({}).quiet_s == QUIET_S


def test_a_list_holds_folders_and_prefixes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    watch = read_watch({"MUSQA_WATCH": " incoming , s3://bucket/music/ ,", "MUSQA_QUIET_S": "2.5"})
    assert watch.folders == (str(tmp_path / "incoming"), "s3://bucket/music")
    assert [is_remote(place) for place in watch.folders] == [False, True]
    assert watch.quiet_s == 2.5


def test_a_file_names_folders_relative_to_itself_and_the_variable_wins(tmp_path):
    path = tmp_path / "watch.toml"
    path.write_text('folders = ["music", "/mnt/nas"]\nquiet_s = 300\n')
    watch = read_watch({"MUSQA_WATCH": str(path)})
    assert watch.folders == (str(tmp_path / "music"), str(Path("/mnt/nas")))
    assert watch.quiet_s == 300
    assert read_watch({"MUSQA_WATCH": str(path), "MUSQA_QUIET_S": "5"}).quiet_s == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folder = ['a']", "unknown key 'folder'; expected folders, quiet_s"),
        ("folders = 'a'", "folders='a': expected a list of texts"),
        ("quiet_s = -1", "MUSQA_QUIET_S=-1: expected seconds, 0 or more"),
        ("folders = [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, message):
    path = tmp_path / "watch.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        read_watch({"MUSQA_WATCH": str(path)})


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-3"])
def test_a_wrong_quiet_time_is_refused(text):
    with pytest.raises(SettingsError, match=f"MUSQA_QUIET_S='{text}': expected seconds"):
        read_watch({"MUSQA_QUIET_S": text})


def test_a_prefix_with_a_secret_is_refused_without_repeating_it():
    with pytest.raises(SettingsError, match="leave them out") as refusal:
        read_watch({"MUSQA_WATCH": "s3://key:secret@bucket/music"})
    assert "secret" not in str(refusal.value)
