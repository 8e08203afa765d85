"""The folder for files of requests: bounded, and empty whatever happens."""

import shutil
import subprocess
import sys

import pytest

from musqa_pipeline.scoring.serve.problems import ProblemError
from musqa_pipeline.scoring.serve.settings import ServeSettings
from musqa_pipeline.scoring.serve.spool import FOLDER_PREFIX, Spool


def test_files_go_and_give_their_room_back_whatever_happens(tmp_path):
    spool = Spool(100, tmp_path)

    def ruin():
        with spool.folder() as folder:
            (folder.path / "recording").write_bytes(b"x")
            folder.take(60)
            raise RuntimeError

    for _ in range(3):
        with pytest.raises(RuntimeError):
            ruin()
    (own,) = tmp_path.iterdir()
    assert [path.name for path in own.iterdir()] == ["lock"]
    spool.close()
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_files_of_all_share_one_room(tmp_path):
    spool = Spool(100, tmp_path)
    with spool.folder() as one, spool.folder() as two:
        one.take(60)
        two.take(40)
        with pytest.raises(ProblemError, match=r"files of others take the 0\.0001 MB") as caught:
            two.take(1)
        assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "5"})
    with spool.folder() as three:
        three.take(100)
    spool.close()


def test_a_folder_that_was_cleared_is_told(tmp_path):
    spool = Spool(100, tmp_path)
    shutil.rmtree(spool.path)
    refused = spool.folder()
    with pytest.raises(ProblemError, match=r"No such file or directory.*start it anew") as caught:
        refused.__enter__()
    assert caught.value.status == 507
    spool.close()


def test_ten_of_the_largest_recordings_and_previews_have_room():
    assert ServeSettings(max_mb=1, max_minutes=2).disk_bytes == 10 * (10**6 + 120 * 48_000 * 2 * 2)
    assert ServeSettings(max_mb=1, disk_mb=7).disk_bytes == 7_000_000


def test_folders_of_killed_servers_are_cleared_and_living_ones_kept(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; "
        "from musqa_pipeline.scoring.serve.spool import Spool; "
        "spool = Spool(1, Path(sys.argv[1])); "
        "print('ready', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "ready\n"
        (theirs,) = tmp_path.glob(f"{FOLDER_PREFIX}*")
        Spool(1, tmp_path).close()
        assert theirs.exists()
        other.kill()
        other.wait()
        (theirs / "recording").write_bytes(b"left behind")
        Spool(1, tmp_path).close()
    assert not theirs.exists()
