"""A library is scanned: who comes first, what is told, what is not done twice."""

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from musqa_pipeline.core.errors import LakeError, SettingsError
from musqa_pipeline.core.files import exclusive_lock
from musqa_pipeline.scoring.scan.measure import ScanSettings
from musqa_pipeline.scoring.scan.scan import LOCK, scan_library
from tests.scoring.scan.library import RATE_HZ, song

DULL, FAKE = "<b>dull & old.flac", "fake.flac"
SENTINEL = 1.2345
N_FILES = 9


def rows_of(out):
    with (out / "scan.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def mark(out):
    """Change what is stored, so that a file that is not scored again shows it."""
    with sqlite3.connect(out / "scan.sqlite") as db:
        db.execute(
            f"UPDATE results SET mos = {SENTINEL}, record = json_set(record, '$.mos', {SENTINEL})"
        )
    db.close()


def test_every_file_has_a_row_and_the_worst_comes_first(first_scan):
    scanned, report = first_scan
    rows = rows_of(scanned.out)
    assert next(iter(rows)) == DULL
    scores = [float(row["mos"]) for row in rows.values() if row["mos"]]
    assert scores == sorted(scores)
    assert len(scores) == 5
    summary = report.summary
    assert (summary["files"], summary["scored"], summary["abstained"]) == (9, 5, 2)
    assert summary["unreadable"] == 2
    assert sum(summary["words"].values()) == 5
    assert summary["mean_mos"] == pytest.approx(np.mean(scores), abs=1e-3)


def test_rows_say_why_there_is_no_score(first_scan):
    rows = rows_of(first_scan[0].out)
    assert rows["b sides/silence.flac"]["abstained"] == "silence"
    assert "needs 3 s" in rows["b sides/short.wav"]["reason"]
    assert rows["b sides/truncated.flac"]["problem"].startswith("damaged: ")
    assert rows["picture.mp3"]["problem"]
    assert rows["picture.mp3"]["mos"] == ""


def test_a_score_has_its_interval_its_word_and_its_facts(first_scan):
    row = rows_of(first_scan[0].out)["two.wav"]
    assert float(row["mos_low"]) <= float(row["mos"]) <= float(row["mos_high"])
    assert row["word"]
    assert (float(row["duration_s"]), float(row["heard_s"])) == (32.0, 30.0)
    assert row["codec"] == "pcm_s16le"
    assert float(row["bitrate_kbps"]) == pytest.approx(1411.2, abs=1)
    assert float(row["bandwidth_hz"]) > 18_000
    assert -30 < float(row["loudness_lufs"]) < -15


def test_a_lossless_file_of_lossy_origin_is_called_out(first_scan):
    scanned, report = first_scan
    rows = rows_of(scanned.out)
    assert rows[FAKE]["lossy_origin"] == "likely"
    # LAME's low-pass at 128 kbit/s goes down from 16,538 to 17,071 Hz.
    assert float(rows[FAKE]["cliff_hz"]) == pytest.approx(16_538, abs=100)
    assert {rows[name]["lossy_origin"] for name in ("one.flac", "two.wav", DULL)} == {""}
    assert report.summary["lossy_origin"] == {"likely": 1, "possible": 0}


def test_copies_are_grouped_and_the_best_is_named(first_scan):
    scanned, report = first_scan
    rows = rows_of(scanned.out)
    group = {rows["one.flac"]["copies"], rows["b sides/one again.mp3"]["copies"]}
    assert group == {"1"}
    assert rows["b sides/one again.mp3"]["best_copy"] == "one.flac"
    assert rows["two.wav"]["copies"] == ""
    assert report.summary["copied_recordings"] == 1


def test_a_second_scan_of_the_same_files_measures_nothing(scanned):
    mark(scanned.out)
    seen = []
    report = scanned.again(observer=lambda *numbers: seen.append(numbers))
    assert seen[0][1] == 7  # the two that could not be read are tried again
    assert {r["mos"] for r in rows_of(scanned.out).values() if r["mos"]} == {str(SENTINEL)}
    changes = report.summary["changes"]
    assert changes["since"]
    assert {n for kind, n in changes.items() if kind not in ("since", "other_model")} == {0}


def test_a_moved_file_keeps_its_score_and_a_changed_one_is_scored(scanned):
    mark(scanned.out)
    (scanned.library / "two.wav").rename(scanned.library / "b sides" / "moved.wav")
    replaced = scanned.library / FAKE
    size = replaced.stat().st_size
    soundfile.write(replaced, song(9, 12), RATE_HZ)
    assert replaced.stat().st_size != size
    (scanned.library / DULL).unlink()
    soundfile.write(scanned.library / "new.wav", song(10, 12), RATE_HZ)
    report = scanned.again()
    rows = rows_of(scanned.out)
    assert rows["b sides/moved.wav"]["mos"] == str(SENTINEL)
    assert rows["b sides/moved.wav"]["change"] == "moved"
    assert rows["b sides/moved.wav"]["moved_from"] == "two.wav"
    assert float(rows[FAKE]["mos"]) > SENTINEL
    assert (rows[FAKE]["change"], rows[FAKE]["mos_before"]) == ("better", str(SENTINEL))
    assert rows["new.wav"]["change"] == "new"
    changes = report.summary["changes"]
    assert {k: changes[k] for k in ("new", "moved", "better", "worse", "gone")} == {
        "new": 1, "moved": 1, "better": 1, "worse": 0, "gone": 1,
    }  # fmt: skip


def test_other_settings_and_other_models_give_other_results(scanned):
    mark(scanned.out)
    report = scanned.again(ScanSettings(n_excerpts=1))
    row = rows_of(scanned.out)["two.wav"]
    assert (row["heard_s"], row["change"]) == ("10.0", "better")
    assert report.summary["scored"] == 5
    a, b = ScanSettings().key("model a"), ScanSettings().key("model b")
    assert len({a, b, ScanSettings(full=True).key("model a")}) == 3
    assert ScanSettings(full=True, n_excerpts=5).key("m") == ScanSettings(full=True).key("m")


def test_a_full_scan_scores_every_second(scanned):
    for path in scanned.library.rglob("*.*"):
        if path.name not in ("two.wav", "truncated.flac"):
            path.unlink()
    report = scanned.again(ScanSettings(full=True))
    row = rows_of(scanned.out)["two.wav"]
    assert float(row["heard_s"]) == pytest.approx(32, abs=0.1)
    assert report.summary["unreadable"] == 1


def command_of(scanned, out):
    command = [sys.executable, "-m", "musqa_pipeline.cli", "scan", str(scanned.library)]
    return [*command, "--out", str(out), "--workers", "1", "--model", str(scanned.model), "--json"]


@pytest.mark.long
def test_ctrl_c_ends_a_scan_with_a_sentence(first_scan, tmp_path):
    command = command_of(first_scan[0], tmp_path / "out")
    code, said = end_when(command, tmp_path / "out", 1, signal.SIGINT)
    assert (code, said) == (130, "stopped; the same command goes on from here\n")
    assert 1 <= n_done(tmp_path / "out") < N_FILES
    assert not (tmp_path / "out" / "scan.csv").exists()


def test_a_scan_that_is_killed_goes_on_where_it_was(first_scan, tmp_path):
    before, _ = first_scan
    out = tmp_path / "out"
    command = command_of(before, out)
    code, _ = end_when(command, out, 3, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert 3 <= n_done(out) < N_FILES
    assert not (out / "scan.csv").exists()
    mark(out)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr  # two files cannot be read
    assert json.loads(ended.stdout)["files"] == 9
    rows, undisturbed = rows_of(out), rows_of(before.out)
    assert rows.keys() == undisturbed.keys()
    assert any(row["mos"] == str(SENTINEL) for row in rows.values())  # not scored again
    for name, row in rows.items():
        if row["mos"] != str(SENTINEL):
            assert {**row, "best_copy": ""} == {**undisturbed[name], "best_copy": ""}


def as_in_a_terminal():
    """Let Ctrl-C reach a command: a shell's background jobs, and all below them, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_when(command, out, n_wanted, by_signal):
    """Start a scan and send it a signal when so many files are done; give code and last words.

    On a busy machine a scan may be over before the signal comes: then it starts again.
    """
    for _ in range(8):
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, preexec_fn=as_in_a_terminal
        ) as process:
            deadline = time.monotonic() + 200
            while n_done(out) < n_wanted and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(by_signal)
            _, said = process.communicate(timeout=60)
        if n_done(out) < N_FILES:
            return process.returncode, said
        shutil.rmtree(out)
    raise AssertionError("it always ended before it could be stopped")


def n_done(out):
    try:
        db = sqlite3.connect(f"file:{out / 'scan.sqlite'}?mode=ro", uri=True)
        (n,) = db.execute("SELECT count(key) + count(problem) FROM files").fetchone()
    except sqlite3.OperationalError:  # not there yet
        return 0
    db.close()
    return n


def test_a_folder_that_cannot_be_written_is_told_at_the_start(scanned, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeError, match=r"cannot make .*--out"):
        scan_library(
            scanned.library, tmp_path / "file" / "out", ScanSettings(), model=scanned.model
        )
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    if os.getuid():
        with pytest.raises(LakeError, match=r"cannot write to .*permission is denied.*--out"):
            scan_library(scanned.library, closed, ScanSettings(), model=scanned.model)
    else:
        assert "permission is denied" in as_nobody(scanned, closed)


def as_nobody(scanned, out):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.chdir("/")
            for path in (scanned.library, *scanned.library.parents):
                if path.stat().st_uid == 0 and path != path.parent and "pytest" in str(path):
                    path.chmod(0o755)
            os.setgid(65_534)
            os.setuid(65_534)
            scan_library(scanned.library, out, ScanSettings(), model=scanned.model)
        except LakeError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, encoding="utf-8") as stream:
        return stream.read()


def test_two_scans_do_not_write_to_one_folder(scanned):
    with (
        exclusive_lock(scanned.out / LOCK),
        pytest.raises(LakeError, match=r"another scan writes to .*--out"),
    ):
        scanned.again()


def test_what_is_no_library_or_of_another_version_is_told(scanned, tmp_path):
    with pytest.raises(SettingsError, match="is no folder; name the folder of a music library"):
        scan_library(tmp_path / "nowhere", scanned.out, ScanSettings(), model=scanned.model)
    with pytest.raises(SettingsError, match=r"n_excerpts=21: expected 1 to 20.*--full"):
        ScanSettings(n_excerpts=21)
    with sqlite3.connect(scanned.out / "scan.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LakeError, match=r"layout 99, expected 1.*--out"):
        scanned.again()


def test_an_empty_library_gives_an_empty_table(scanned, tmp_path):
    (tmp_path / "empty").mkdir()
    report = scan_library(
        tmp_path / "empty", tmp_path / "other", ScanSettings(), model=scanned.model
    )
    assert (report.summary["files"], report.summary["mean_mos"]) == (0, None)
    assert rows_of(tmp_path / "other") == {}
    assert report.page.is_file()
