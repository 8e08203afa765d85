import numpy as np
import pytest

from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.tracks.checks import check_tracks
from musqa_pipeline.stages.tracks.duplicates import mark_duplicates, read_tracks
from tests.audio.sounds import noise, quarantine_of, run_tracks, tracks_of, write


def write_song(path, seed):
    # Rounded here, because libsndfile rounds floats differently for WAV and FLAC.
    samples = np.rint(noise(rate_hz=8_000, seed=seed) * 32_768) / 32_768
    write(path, samples, 8_000, subtype="PCM_16")


@pytest.fixture
def twins(home, tmp_path):
    """Three files of one sound, and another sound."""
    folder = tmp_path / "music"
    for name in ("b.wav", "a.flac", "sub/c.wav"):
        write_song(folder / name, seed=0)
    write_song(folder / "other.wav", seed=1)
    return folder, run_tracks(home, folder)


def test_the_first_by_path_stays_and_the_others_name_it(twins):
    _, context = twins
    assert set(tracks_of(context)) == {"a.flac", "other.wav"}
    quarantine = quarantine_of(context)
    assert set(quarantine) == {"b.wav", "sub/c.wav"}
    assert {row["reason"] for row in quarantine.values()} == {"duplicate"}
    assert {row["detail"] for row in quarantine.values()} == {"same samples as a.flac"}
    assert check_tracks(context).passed


def test_a_copy_named_as_test_stays_so_that_no_test_song_comes_into_training(home, tmp_path):
    folder = tmp_path / "music"
    write_song(folder / "a.wav", seed=0)
    write_song(folder / "b.wav", seed=0)
    (folder / "tracks.csv").write_text("file,role\na.wav,train\nb.wav,test\n")
    assert set(tracks_of(run_tracks(home, folder))) == {"b.wav"}


def test_marking_twice_writes_nothing(twins):
    _, context = twins
    files = [p for p in context.home.rglob("*.parquet") if "quarantine" in str(p)]
    inodes = {p: p.stat().st_ino for p in files}
    marked = mark_duplicates(context)
    assert len(marked) == 2
    assert {p: p.stat().st_ino for p in files} == inodes
    assert run_stage(get_stage("tracks"), context).made == 0
    assert mark_duplicates(context) == marked


def test_a_duplicate_comes_back_when_its_twins_are_gone(twins):
    folder, context = twins
    (folder / "a.flac").unlink()
    run_stage(get_stage("tracks"), context)
    mark_duplicates(context)
    assert set(tracks_of(context)) == {"b.wav", "other.wav"}
    assert quarantine_of(context)["sub/c.wav"]["detail"] == "same samples as b.wav"
    (folder / "b.wav").unlink()
    run_stage(get_stage("tracks"), context)
    assert mark_duplicates(context) == []
    assert set(tracks_of(context)) == {"other.wav", "sub/c.wav"}
    assert quarantine_of(context) == {}


def test_other_reasons_are_left_alone(twins):
    folder, context = twins
    (folder / "empty.wav").touch()
    run_stage(get_stage("tracks"), context)
    mark_duplicates(context)
    assert quarantine_of(context)["empty.wav"]["reason"] == "empty_file"


def test_unmarked_duplicates_fail_the_check(twins):
    folder, context = twins
    write_song(folder / "z.wav", seed=1)
    run_stage(get_stage("tracks"), context)
    assert check_tracks(context).numbers["twice"] == 1
    assert not check_tracks(context).passed
    mark_duplicates(context)
    assert check_tracks(context).passed


def test_tracks_are_read_in_the_order_of_paths_from_any_context(twins):
    _, context = twins
    assert read_tracks(context, "c")["file"].to_pylist() == ["a.flac", "other.wav"]
    assert read_tracks(context, "unknown").num_rows == 0
