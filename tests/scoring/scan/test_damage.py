"""A store that is damaged is set aside and said; one that cannot be used is told in a sentence."""

import os
import shutil
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seals import seal_path
from musqa_pipeline.core.workers.interface import Inline
from musqa_pipeline.scoring.scan import scan as scanning
from musqa_pipeline.scoring.scan import store as stores
from musqa_pipeline.scoring.scan.measure import ScanSettings
from musqa_pipeline.scoring.scan.scan import LOCK, scan_library
from musqa_pipeline.scoring.scan.store import FILE
from tests.scoring.scan.library import RATE_HZ, song
from tests.scoring.small_model import write_model

ASIDE = "scan.damaged-1.sqlite"


class Small:
    """A library of a recording, scanned once into `out`."""

    def __init__(self, folder):
        self.library, self.out = folder / "music", folder / "out"
        self.model = write_model(folder / "model.onnx")
        self.library.mkdir()
        soundfile.write(self.library / "one.flac", song(1, 4), RATE_HZ)
        self.rows, said = self.again(self.out)
        assert said == []

    def again(self, out):
        """Scan into a folder; give the table without what changed, and what was said."""
        said = []
        given = {"model": self.model, "fanout": Inline(), "say": said.append}
        scan_library(self.library, out, ScanSettings(), **given)
        return (out / "scan.csv").read_text(), said


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return Small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def out(small, tmp_path):
    shutil.copytree(small.out, tmp_path / "out")
    return tmp_path / "out"


def foreign(path):
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE songs (name TEXT)")
        db.execute("INSERT INTO songs VALUES ('dear')")
    db.close()


def changed(path, script):
    with sqlite3.connect(path) as db:
        db.executescript(script)
    db.close()


WRONGS = {
    "no database": lambda path: path.write_bytes(b"no database" * 1_000),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "half of it": lambda path: os.truncate(path, path.stat().st_size // 2),
    "its head alone": lambda path: os.truncate(path, 100),
    "somebody else's": foreign,
    "other columns": lambda path: changed(path, "ALTER TABLE results DROP COLUMN thumbnail"),
    "no table": lambda path: changed(path, "DROP TABLE files; CREATE TABLE files (scan)"),
    "an index short": lambda path: changed(
        path, "PRAGMA writable_schema = 1; DELETE FROM sqlite_master WHERE name LIKE '%auto%'"
    ),
    "broken JSON": lambda path: changed(path, "UPDATE results SET record = '{\"mos\": '"),
    "JSON of something else": lambda path: changed(path, "UPDATE results SET record = '[1]'"),
    "records without fields": lambda path: changed(path, "UPDATE results SET record = '{}'"),
    "text of no encoding": lambda path: changed(
        path, "UPDATE scans SET summary = CAST(x'ff00fe' AS TEXT)"
    ),
    "broken summary": lambda path: changed(path, "UPDATE scans SET summary = 'x'"),
    "odd fingerprints": lambda path: changed(path, "UPDATE results SET fingerprint = x'010203'"),
}


@pytest.mark.parametrize(
    ("name", "sealed"),
    [*((name, False) for name in WRONGS), ("half of it", True), ("broken JSON", True)],
)
def test_what_is_damaged_is_set_aside_and_said_and_all_is_scanned_anew(small, out, name, sealed):
    if not sealed:  # as after a scan that was killed
        seal_path(out / FILE).unlink()
    (out / "notes.txt").write_text("mine")
    WRONGS[name](out / FILE)
    damaged = (out / FILE).read_bytes()
    rows, (line,) = small.again(out)
    assert rows == small.rows
    assert line.startswith(f"{out / FILE}: ")
    assert line.endswith(f"it is kept as {ASIDE}, and every file is scanned anew")
    assert len(line.splitlines()) == 1
    if sealed:
        assert (out / ASIDE).read_bytes() == damaged
    assert (out / "notes.txt").read_text() == "mine"
    assert small.again(out) == (rows, [])  # and the next scan knows all


def test_an_earlier_one_that_was_set_aside_stays(small, out):
    (out / ASIDE).write_text("earlier")
    WRONGS["zeros"](out / FILE)
    small.again(out)
    assert (out / ASIDE).read_text() == "earlier"
    assert (out / "scan.damaged-2.sqlite").exists()


def flip(path, at_bit):
    content = bytearray(path.read_bytes())
    content[at_bit // 8] ^= 1 << at_bit % 8
    path.write_bytes(content)


N_FLIPS = [6, pytest.param(354, marks=pytest.mark.long)]


@pytest.mark.parametrize("n_flips", N_FLIPS)
def test_no_flipped_bit_of_a_finished_scan_passes(small, tmp_path, n_flips):
    rng = np.random.default_rng(8)
    for at_bit in rng.integers(8 * (small.out / FILE).stat().st_size, size=n_flips):
        out = shutil.copytree(small.out, tmp_path / str(at_bit))
        flip(out / FILE, int(at_bit))
        rows, said = small.again(out)
        assert (rows, len(said)) == (small.rows, 1), at_bit


@pytest.mark.parametrize("n_flips", N_FLIPS)
def test_no_flipped_bit_of_a_stopped_scan_ends_in_a_traceback(small, tmp_path, n_flips):
    rng = np.random.default_rng(9)
    n_passed = 0
    for at_bit in rng.integers(8 * (small.out / FILE).stat().st_size, size=n_flips):
        out = shutil.copytree(small.out, tmp_path / str(at_bit))
        seal_path(out / FILE).unlink()
        flip(out / FILE, int(at_bit))
        rows, said = small.again(out)
        assert len(said) <= 1
        n_passed += rows != small.rows
    # Without a digest SQLite sees its structure alone: a digit of a stored value may be another.
    assert n_passed <= max(1, n_flips / 20)
    print(n_passed, "of", n_flips)


def test_a_damaged_seal_costs_nothing(small, out):
    flip(seal_path(out / FILE), 13)
    assert small.again(out) == (small.rows, [])


def test_damage_that_comes_while_a_scan_runs_is_found(small, out, monkeypatch):
    monkeypatch.setattr(scanning, "find_groups", _once_malformed(scanning.find_groups))
    rows, (line,) = small.again(out)
    assert rows == small.rows
    assert "database disk image is malformed: it is kept as" in line


def _once_malformed(function):
    calls = []

    def wrapped(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return function(*arguments)

    return wrapped


def test_a_store_that_another_program_locks_is_told_and_left_alone(small, out, monkeypatch):
    monkeypatch.setattr(stores, "BUSY_S", 0.1)
    before = (out / FILE).read_bytes()
    other = sqlite3.connect(out / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LakeError, match="is locked; another program uses it: close that, and"):
        small.again(out)
    other.execute("ROLLBACK")
    other.close()
    assert (out / FILE).read_bytes() == before
    assert small.again(out) == (small.rows, [])


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_told_and_left_alone(small, out, make):
    (out / FILE).unlink()
    make(out / FILE)
    with pytest.raises(LakeError, match=r"scan\.sqlite: .* it is no file: move it away, or name"):
        small.again(out)
    assert not (out / FILE).is_file()
    assert (out / FILE).exists()


def test_a_lock_that_is_no_file_is_told_as_what_it_is(small, out):
    (out / LOCK).unlink()
    (out / LOCK).mkdir()
    with pytest.raises(LakeError, match=r"cannot lock .*scan\.lock: Is a directory"):
        small.again(out)


def test_the_command_says_it_in_a_line_on_standard_error(small, out):
    WRONGS["half of it"](out / FILE)
    command = [sys.executable, "-m", "musqa_pipeline.cli", "scan", str(small.library)]
    ended = subprocess.run(
        [*command, "--out", str(out), "--workers", "1", "--model", str(small.model)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if "kept as" in line]
    assert line.endswith(f"it is kept as {ASIDE}, and every file is scanned anew")
    assert "Traceback" not in ended.stderr
