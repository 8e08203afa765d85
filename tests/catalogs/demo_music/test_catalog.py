import csv
from collections import Counter

import pytest
import soundfile

from musqa_pipeline.catalogs.demo_music.catalog import (
    COLUMNS,
    SKETCH_S,
    TrackPlan,
    write_demo_catalog,
    write_sketch,
)
from musqa_pipeline.catalogs.demo_music.styles import STYLES
from musqa_pipeline.core.errors import CatalogError, LakeError
from tests.catalogs.demo_music.conftest import DURATION_S, N_TRACKS


def rows_of(folder):
    with (folder / "tracks.csv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def state_of(folder):
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.iterdir()}


def test_the_same_arguments_give_the_same_bytes_whatever_the_number_of_tracks(
    catalog_folder, tmp_path
):
    for path in write_demo_catalog(tmp_path, n_tracks=2, duration_s=DURATION_S):
        assert path.read_bytes() == (catalog_folder / path.name).read_bytes()


def test_another_seed_gives_other_music(tmp_path):
    first, second = (
        write_demo_catalog(tmp_path / str(seed), n_tracks=1, duration_s=1.0, seed=seed)[0]
        for seed in (0, 1)
    )
    assert first.name == second.name
    assert (soundfile.read(first)[0] != soundfile.read(second)[0]).mean() > 0.9


def test_the_files_are_what_the_table_says(catalog_folder):
    rows = rows_of(catalog_folder)
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == N_TRACKS
    files = {p.name for p in catalog_folder.glob("*.flac")}
    assert {row["file"] for row in rows} == files
    for row in rows:
        info = soundfile.info(catalog_folder / row["file"])
        assert (info.samplerate, info.channels, info.subtype) == (48_000, 2, "PCM_24")
        assert info.frames == 48_000 * DURATION_S


def test_the_table_names_styles_roles_and_recordings_and_no_licence(catalog_folder):
    rows = rows_of(catalog_folder)
    assert rows[0]["title"] == f"{STYLES[0].name} no. 1"
    assert rows[-1]["title"] == f"{STYLES[0].name} no. 2"
    assert [row["genre"] for row in rows[:-1]] == [style.name for style in STYLES]
    assert len({row["recording"] for row in rows}) == N_TRACKS
    assert {row["artist"] for row in rows} == {row["licence"] for row in rows} == {""}
    assert {row["tier"] for row in rows} == {"synthesised"}


def test_of_24_tracks_6_are_for_testing_and_each_has_a_sibling_in_training():
    rows = [TrackPlan(index, 0, 12.0).row() for index in range(24)]
    roles = Counter(row["role"] for row in rows)
    assert roles == {"test": 6, "train": 18}
    trained = {row["genre"] for row in rows if row["role"] == "train"}
    tested = Counter(row["genre"] for row in rows if row["role"] == "test")
    assert set(tested) <= trained
    assert max(tested.values()) == 1


def test_in_four_rounds_every_style_is_tested_once():
    rows = [TrackPlan(index, 0, 12.0).row() for index in range(4 * len(STYLES))]
    tested = Counter(row["genre"] for row in rows if row["role"] == "test")
    assert tested == {style.name: 1 for style in STYLES}


def test_there_are_at_least_twelve_styles_and_many_tracks_have_names_of_their_own():
    assert len({style.name for style in STYLES}) == len(STYLES) >= 12
    plans = [TrackPlan(index, 0, 12.0) for index in range(1000)]
    assert len({plan.file for plan in plans}) == len(plans)
    assert len({plan.comment for plan in plans}) == len(plans)
    assert [plan.file for plan in plans] == sorted(plan.file for plan in plans)


def test_a_second_call_writes_nothing_and_a_third_only_what_is_missing_or_damaged(tmp_path):
    lines = []
    files = write_demo_catalog(tmp_path, n_tracks=3, duration_s=1.0, log=lines.append)
    assert len(lines) == 3
    assert "track 1 of 3: techno no. 1" in lines[0]
    before, contents = state_of(tmp_path), [f.read_bytes() for f in files]
    write_demo_catalog(tmp_path, n_tracks=3, duration_s=1.0, log=lines.append)
    assert state_of(tmp_path) == before
    assert len(lines) == 3

    files[0].unlink()
    files[2].write_bytes(b"fLaC and then nothing")
    write_demo_catalog(tmp_path, n_tracks=3, duration_s=1.0, log=lines.append)
    assert len(lines) == 5
    assert [f.read_bytes() for f in files] == contents
    after = state_of(tmp_path)
    kept = [files[1].name, "tracks.csv"]
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_a_changed_plan_is_written_anew(tmp_path):
    (file,) = write_demo_catalog(tmp_path, n_tracks=1, duration_s=1.0)
    before = file.read_bytes()
    write_demo_catalog(tmp_path, n_tracks=1, duration_s=1.0, seed=5)
    changed = file.read_bytes()
    assert changed != before
    assert "synthesis-5-000" in (tmp_path / "tracks.csv").read_text()
    write_demo_catalog(tmp_path, n_tracks=1, duration_s=1.5, seed=5)
    assert soundfile.info(file).frames == 72_000


def test_a_smaller_catalog_removes_its_own_surplus_and_nothing_else(tmp_path):
    files = write_demo_catalog(tmp_path, n_tracks=2, duration_s=1.0)
    foreign = tmp_path / "123-mine.flac"
    soundfile.write(foreign, [[0.0, 0.1]] * 100, 48_000)
    note = tmp_path / "note.txt"
    note.write_text("mine")
    write_demo_catalog(tmp_path, n_tracks=1, duration_s=1.0)
    assert not files[1].exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [files[0].name, foreign.name, note.name, "tracks.csv"]
    )
    assert len(rows_of(tmp_path)) == 1


def test_a_failure_leaves_no_half_written_track(tmp_path, monkeypatch):
    def full_disk(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", full_disk)
    with pytest.raises(LakeError, match="the disk is full"):
        write_demo_catalog(tmp_path, n_tracks=1, duration_s=1.0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_tracks", [0, -3, 1001])
def test_a_track_count_out_of_range_is_refused(tmp_path, n_tracks):
    with pytest.raises(CatalogError, match=rf"n_tracks={n_tracks}: expected 1 to 1000"):
        write_demo_catalog(tmp_path, n_tracks=n_tracks)


@pytest.mark.parametrize("duration_s", [0.0, 601.0])
def test_a_duration_out_of_range_is_refused(tmp_path, duration_s):
    with pytest.raises(CatalogError, match=rf"duration_s={duration_s}: expected 1 to 600"):
        write_demo_catalog(tmp_path, duration_s=duration_s)


def test_the_sketch_is_too_short_to_serve_and_is_written_once(tmp_path):
    first = write_sketch(tmp_path)
    state = first.stat()
    assert write_sketch(tmp_path).stat() == state
    assert soundfile.info(first).duration == SKETCH_S < 10
