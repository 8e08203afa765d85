import os
import pickle
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files.reading import read_info
from musqa_pipeline.audio.measures.measure import measure_file
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.stages.engine.stage import Unit, run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.tracks.checks import check_tracks
from musqa_pipeline.stages.tracks.stage import (
    check_readable,
    list_units,
)
from tests.audio.sounds import noise, quarantine_of, run_tracks, tracks_of, write
from tests.nobody import refusal_as_nobody


def promise_25_hours(path):
    """Change the number of samples in a FLAC file's header."""
    data = bytearray(path.read_bytes())
    n_samples = 25 * 3600 * 48_000
    data[21] = data[21] & 0xF0 | n_samples >> 32
    data[22:26] = (n_samples & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder with every kind of bad file beside good ones, run once."""
    folder = tmp_path_factory.mktemp("library")
    write(folder / "good.wav", noise(channels=2))
    (folder / "empty.wav").touch()
    (folder / "picture.mp3").write_bytes(
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 20
    )
    whole = write(folder / "truncated.flac", noise(seed=1)).read_bytes()
    (folder / "truncated.flac").write_bytes(whole[: len(whole) * 2 // 3])
    write(folder / "silence.flac", np.zeros((11 * 48_000, 2), np.float32))
    write(folder / "faint.flac", noise(level=1e-3), subtype="PCM_24")
    write(folder / "three seconds.wav", noise(3.0))
    nans = noise(seed=2)
    nans[1_000:1_003] = np.nan
    nans[2_000] = np.inf
    write(folder / "nans.wav", nans, subtype="FLOAT")
    write(folder / "huge.wav", noise(seed=2) * np.float32(1e25), subtype="FLOAT")
    write(folder / "telephone.wav", noise(rate_hz=8_000, seed=3), 8_000)
    write(folder / "surround.wav", noise(channels=6, seed=4))
    write(folder / "späß & ünd.flac", noise(seed=5))
    write(folder / "two\nlines.flac", noise(seed=6))
    write(folder / os.fsdecode(b"raw\xff.flac"), noise(seed=7), format="FLAC")
    (folder / "dangling.flac").symlink_to(folder / "gone.flac")
    (folder / "outside.wav").symlink_to(write(tmp_path_factory.mktemp("far") / "far.wav", noise()))
    os.mkfifo(folder / "pipe.wav")
    left = noise(seed=8)
    write(folder / "out of phase.flac", np.hstack([left, -0.9 * left]))
    write(folder / "slow.wav", noise(11.0, rate_hz=3_000), 3_000)
    write(folder / "choir.wav", noise(0.1, channels=65))
    promise_25_hours(write(folder / "long.flac", noise(0.1)))
    (folder / "tracks.csv").write_text(
        "file,title,recording,role,tier\n"
        "good.wav,Good,rec 1,test,lossless\n"
        "surround.wav,,,,lossy_190k_up\n"
        "absent.wav,Absent,,,\n"
    )
    home = tmp_path_factory.mktemp("home")
    return run_tracks(home, folder)


@pytest.mark.parametrize(
    ("file", "reason", "detail"),
    [
        ("empty.wav", "empty_file", "0 bytes"),
        ("picture.mp3", "cannot_decode", "no audio stream"),
        ("truncated.flac", "cannot_decode", "s of 10.5 s"),
        ("silence.flac", "silent", "silence, expected at least -60 LUFS"),
        ("faint.flac", "silent", " LUFS, expected at least -60 LUFS"),
        ("three seconds.wav", "too_short", "3.00 s, expected at least 10 s"),
        ("nans.wav", "not_finite", "4 samples are NaN or infinite"),
        ("huge.wav", "odd_level", "dBTP: no level that audio has"),
        ("dangling.flac", "dangling_link", "gone.flac, which does not exist"),
        ("absent.wav", "missing_file", "named in tracks.csv, but not there"),
        ("pipe.wav", "not_a_file", "a pipe or device"),
        ("outside.wav", "outside_link", "far0/far.wav"),
        ("slow.wav", "odd_format", "3000 Hz"),
        ("choir.wav", "odd_format", "65 channels"),
        ("long.flac", "too_long", "the header says 25.0 h, the limit is 24 h"),
    ],
)
def test_a_bad_file_is_in_quarantine_with_reason_and_advice(library, file, reason, detail):
    row = quarantine_of(library)[file]
    assert row["stage"] == "tracks"
    assert row["reason"] == reason
    assert detail in row["detail"]
    assert len(row["advice"]) > 10
    assert file not in tracks_of(library)


@pytest.mark.parametrize("file", ["späß & ünd.flac", "two\nlines.flac", r"raw\xff.flac"])
def test_odd_names_are_used_and_stored_as_text(library, file):
    assert tracks_of(library)[file]["verdict"] == "usable"
    assert tracks_of(library)[file]["recording"] == file


def test_a_good_track_is_measured(library):
    track = tracks_of(library)["good.wav"]
    assert (track["title"], track["recording"], track["role"]) == ("Good", "rec 1", "test")
    assert (track["codec"], track["channels"], track["sample_rate_hz"]) == ("pcm_s16le", 2, 48_000)
    assert track["duration_s"] == 10.5
    assert track["bitrate_kbps"] == pytest.approx(1_536, rel=0.001)
    assert track["track_id"] == track["pcm_hash"][:16]
    assert (track["verdict"], track["flags"]) == ("usable", [])


def test_8_khz_mono_is_used_and_flagged_by_its_edge(library):
    track = tracks_of(library)["telephone.wav"]
    assert (track["verdict"], track["flags"]) == ("flagged", ["upper_edge"])
    assert 3_800 <= track["upper_edge_hz"] <= 4_000


def test_six_channels_are_used_and_a_lossy_tier_flags(library):
    track = tracks_of(library)["surround.wav"]
    assert (track["channels"], track["flags"]) == (6, ["lossy_source"])


def test_out_of_phase_is_flagged(library):
    track = tracks_of(library)["out of phase.flac"]
    assert track["flags"] == ["out_of_phase"]
    assert track["phase_correlation"] == pytest.approx(-1.0, abs=1e-3)


def test_the_check_accounts_for_every_file(library):
    result = check_tracks(library)
    assert result.passed
    assert result.numbers["tracks"] + result.numbers["quarantined"] == 22
    assert result.numbers["quarantined_silent"] == 2
    assert result.numbers["flagged_upper_edge"] == 1


def test_the_check_fails_if_a_unit_left_neither_row_nor_reason(library):
    partition = library.partition("tracks")
    library.lake.write(partition, "lost", get_stage("tracks").table.from_rows([]))
    try:
        result = check_tracks(library)
        assert (result.passed, result.numbers["lost"]) == (False, 1)
    finally:
        library.lake.discard(partition, "lost")


def test_no_permission_is_said_so():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        file = write(folder / "a.wav", noise(0.1))
        file.chmod(0o644)
        if os.getuid() == 0:
            assert refusal_as_nobody(check_readable, file) == ""
        file.chmod(0)
        expected = "no_permission: reading is not permitted; allow reading, for example with chmod"
        assert refusal_as_nobody(check_readable, file).startswith(expected)
        file.chmod(0o644)
        (folder / "closed").mkdir()
        write(folder / "closed" / "b.wav", noise(0.1))
        (folder / "closed").chmod(0)
        assert refusal_as_nobody(check_readable, folder / "closed" / "b.wav").startswith(expected)
        assert refusal_as_nobody(check_readable, folder / "closed").startswith(expected)
        (folder / "closed").chmod(0o755)


def test_a_folder_with_the_name_of_a_file_is_refused(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(UnfitInputError, match="not_a_file: a folder"):
        check_readable(tmp_path / "a.wav")


def test_a_loop_of_links_is_refused_for_now(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "a.wav")
    with pytest.raises(UnfitInputError, match=r"cannot_read: .*symbolic links") as caught:
        check_readable(tmp_path / "a.wav")
    assert caught.value.passing


def test_only_what_changed_is_measured_again(home, tmp_path):
    folder = tmp_path / "music"
    write(folder / "a.wav", noise())
    write(folder / "b.wav", noise(seed=1))
    (folder / "tracks.csv").write_text("file,title\na.wav,A\n")
    context = run_tracks(home, folder)
    assert run_stage(get_stage("tracks"), context).made == 0
    (folder / "tracks.csv").write_text("file,title\na.wav,New\n")
    report = run_stage(get_stage("tracks"), context)
    assert (report.made, report.retired) == (1, 1)
    assert tracks_of(context)["a.wav"]["title"] == "New"
    write(folder / "b.wav", noise(seed=2))
    os.utime(folder / "b.wav", ns=(1, 1))
    assert run_stage(get_stage("tracks"), context).made == 1


def test_units_can_travel_to_workers(library):
    units = list_units(library)
    assert pickle.loads(pickle.dumps(units)) == units
    assert len({unit.unit_id for unit in units}) == len(units)
    assert all(isinstance(unit, Unit) and unit.what.encode() for unit in units)


def test_the_same_sound_has_the_same_hash_in_any_lossless_format(tmp_path):
    samples = (np.rint(noise(1.0, channels=2) * 32_768) / 32_768).astype(np.float32)
    hashes = set()
    for name in ("a.wav", "a.flac", "a.aiff"):
        path = write(tmp_path / name, samples, subtype="PCM_16")
        hashes.add(measure_file(path, read_info(path)).pcm_hash)
    assert len(hashes) == 1
    other = write(tmp_path / "slow.wav", samples, 44_100, subtype="PCM_16")
    assert measure_file(other, read_info(other)).pcm_hash not in hashes


def sparse_wav(path, n_samples):
    """A mono WAV of 64-bit silence that takes no room on the disk."""
    with soundfile.SoundFile(path, "w", 48_000, 1, "DOUBLE") as file:
        file.write(np.zeros(1))
    header = bytearray(path.read_bytes()[:-8])
    assert header[-8:-4] == b"data"
    header[-4:] = (8 * n_samples).to_bytes(4, "little")
    header[4:8] = (len(header) - 8 + 8 * n_samples).to_bytes(4, "little")
    path.write_bytes(header)
    os.truncate(path, len(header) + 8 * n_samples)
    return path


def measured_memory_bytes(path):
    tracemalloc.start()
    found = measure_file(path, read_info(path))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found, peak_bytes


def test_memory_does_not_grow_with_the_length_of_a_file(tmp_path):
    found, short_bytes = measured_memory_bytes(sparse_wav(tmp_path / "s.wav", 400_000))
    assert found.frames == 400_000
    found, long_bytes = measured_memory_bytes(sparse_wav(tmp_path / "l.wav", 2_000_000))
    assert found.frames == 2_000_000
    assert long_bytes < 1.3 * short_bytes < 20e6


@pytest.mark.long
def test_a_file_of_2_gb_is_measured_in_little_memory(tmp_path):
    path = sparse_wav(tmp_path / "huge.wav", 260_000_000)
    assert path.stat().st_size > 2e9
    found, peak_bytes = measured_memory_bytes(path)
    assert found.frames == 260_000_000
    assert found.loudness_lufs == -np.inf
    assert peak_bytes < 100e6


def test_a_file_that_goes_on_decoding_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr("musqa_pipeline.audio.measures.measure.MAX_DURATION_S", 1.0)
    path = write(tmp_path / "long.wav", noise(3.0))
    with pytest.raises(UnfitInputError, match=r"too_long: it goes on decoding, the limit is 1 s"):
        measure_file(path, read_info(path))
