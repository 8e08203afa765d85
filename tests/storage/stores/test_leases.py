"""Locks hold between real processes, and who lost one writes nothing more."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from musqa_pipeline.core.errors import LakeError, LeaseLostError, SettingsError
from musqa_pipeline.storage.stores.opening import open_store
from musqa_pipeline.storage.stores.s3_leases import Record, lease_s

HOLD = """
with store.lock(name) as held:
    print("held", flush=True)
    input()
    try:
        store.commit("record.json", b"stale", None)
        print("committed", flush=True)
    except LeaseLostError as error:
        print(error, flush=True)
"""
COUNT_UNDER_A_LOCK = """
for _ in range(6):
    with store.lock(name):
        n = int(store.read_bytes("n"))
        time.sleep(0.01)
        store.write_bytes("n", str(n + 1).encode())
"""
COUNT_BY_COMMITS = """
done = 0
while done < 12:
    content, version = store.read_versioned("n")
    done += store.commit("n", str(int(content) + 1).encode(), version)
"""
START = """
import sys, time
from musqa_pipeline.core.errors import LeaseLostError
from musqa_pipeline.core.home import parse_home
from musqa_pipeline.storage.stores.opening import open_store
store, name = open_store(parse_home(sys.argv[1])), "run"
"""


@pytest.fixture(params=["disk", "s3"])
def home(request, tmp_path):
    if request.param == "disk":
        return tmp_path / "home"
    return request.getfixturevalue("remote_home")


@pytest.fixture
def start(tmp_path):
    """Start programs that are killed in the end."""
    running = []

    def start(program, home):
        command = [sys.executable, "-c", START + textwrap.dedent(program), str(home)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_of_two_processes_one_holds_a_lock_until_it_is_killed(home, start):
    holder, store = start(HOLD, home), open_store(home)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LakeError, match="is locked by another musqa process"):
        store.lock("run", wait=False).__enter__()
    with store.lock("another", wait=False):
        pass
    holder.kill()
    holder.wait()
    with store.lock("run", wait=False) as held:
        held.check()


@pytest.fixture(params=[pytest.param("disk", marks=pytest.mark.long), "s3"])
def counted_home(request, tmp_path):
    """As `home`; on a disk the kernel's lock is tested in `test_lake.py` too."""
    if request.param == "disk":
        return tmp_path / "home"
    return request.getfixturevalue("remote_home")


@pytest.mark.parametrize("program", [COUNT_UNDER_A_LOCK, COUNT_BY_COMMITS])
def test_no_update_of_two_processes_is_lost(counted_home, start, program):
    home, store = counted_home, open_store(counted_home)
    store.write_bytes("n", b"0")
    processes = [start(program, home) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert store.read_bytes("n") == (b"12" if program is COUNT_UNDER_A_LOCK else b"24")


def test_a_lock_is_free_again_after_an_error(home):
    store = open_store(home)
    with pytest.raises(ZeroDivisionError), store.lock("run"):
        raise ZeroDivisionError
    with store.lock("run", wait=False):
        pass


def foreign(store, ttl_s):
    """Let a process of another machine hold the lock."""
    record = Record(5, "somebody", ttl_s, 0, "elsewhere", "another-boot:1/77@88")
    store.write_bytes("locks/run.lease", record.content())


def test_a_lease_of_another_machine_is_waited_for_until_it_expires(remote_home):
    store = open_store(remote_home)
    foreign(store, 2.0)
    began = time.monotonic()
    with pytest.raises(LakeError, match=r"is locked by another musqa process \(on elsewhere\)"):
        store.lock("run", wait=False).__enter__()
    with store.lock("run"):
        assert time.monotonic() - began > 1.0
        record = json.loads(store.read_bytes("locks/run.lease"))
        assert (record["fence"], record["ttl_s"]) == (6, 60.0)
    assert json.loads(store.read_bytes("locks/run.lease"))["owner"] == ""


def test_a_lease_is_renewed_while_it_is_held(remote_home, monkeypatch):
    monkeypatch.setenv("MUSQA_LEASE_S", "6")
    store = open_store(remote_home)
    with store.lock("run") as held:
        time.sleep(7.5)
        held.check()
        record = json.loads(store.read_bytes("locks/run.lease"))
        assert record["renewals"] >= 2
        with pytest.raises(LakeError, match="is locked by another musqa process"):
            store.lock("run", wait=False).__enter__()


def test_a_process_that_stood_still_does_not_publish(remote_home, start, monkeypatch):
    monkeypatch.setenv("MUSQA_LEASE_S", "2")
    holder, store = start(HOLD, remote_home), open_store(remote_home)
    assert holder.stdout.readline() == "held\n"
    monkeypatch.setenv("MUSQA_LEASE_S", "60")
    os.kill(holder.pid, signal.SIGSTOP)
    with store.lock("run"):  # taken over once it has expired
        os.kill(holder.pid, signal.SIGCONT)
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert "was lost: it could not be renewed for 2 s" in holder.stdout.readline()
        assert store.commit("record.json", b"fresh", None)
    assert store.read_bytes("record.json") == b"fresh"
    assert holder.wait(30) != 0


def test_a_lease_that_was_taken_away_is_noticed_before_a_commit(remote_home):
    store = open_store(remote_home)

    def overtaken():
        with store.lock("run"):
            foreign(store, 60.0)
            store.commit("record.json", b"stale", None)

    with pytest.raises(LeaseLostError, match=r"locks/run\.lease was lost"):
        overtaken()
    assert not store.exists("record.json")
    assert json.loads(store.read_bytes("locks/run.lease"))["owner"] == "somebody"


def test_a_holder_that_cannot_reach_the_storage_stops_in_time(remote_home, storage, monkeypatch):
    monkeypatch.setenv("MUSQA_LEASE_S", "2")
    store = open_store(remote_home)

    def cut_off():
        with store.lock("run"):
            storage.faults(("error", ["PUT"], "run.lease", 1000))
            time.sleep(2.2)
            assert storage.fired()[0] >= 1
            store.write_bytes("a", b"late")

    with pytest.raises(LeaseLostError, match="nothing more is written, run again"):
        cut_off()
    storage.faults()
    assert not store.exists("a")


def test_a_lease_that_expired_and_that_nobody_took_is_held_again(remote_home):
    store = open_store(remote_home)
    with store.lock("run") as held:
        held.renewed_s -= 3600.0  # the machine slept for an hour
        with pytest.raises(LeaseLostError):
            store.write_bytes("a", b"1")
        assert store.commit("record.json", b"1", None)
        store.write_bytes("a", b"2")
    assert store.read_bytes("a") == b"2"


def test_the_answer_to_taking_a_lease_may_get_lost(remote_home, storage):
    storage.faults(("lost_answer", ["PUT"], "run.lease", 1))
    store = open_store(remote_home)
    with store.lock("run", wait=False) as held:
        held.check()
    assert storage.fired() == [1]


@pytest.mark.parametrize("text", ["soon", "1", "inf", "nan"])
def test_a_wrong_duration_is_said(text, monkeypatch):
    monkeypatch.setenv("MUSQA_LEASE_S", text)
    with pytest.raises(SettingsError, match=f"MUSQA_LEASE_S={text}: expected seconds, at least 2"):
        lease_s()
