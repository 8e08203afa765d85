"""What comes from outside: names, links, devices, ports. docs/security.md says what is promised."""

from __future__ import annotations

import ast
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.catalogs.known import Catalog, catalog_files
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.scoring.serve.settings import ServeSettings
from musqa_pipeline.stages.tracks.stage import check_readable
from tests import ROOT
from tests.audio.sounds import RATE_HZ, noise, write
from tests.scoring.sweep.tiny_model import write_tiny_model

SOURCES = sorted(
    path
    for folder in ("musqa_pipeline", "assets", "benchmarks", "docs", "fuzz")
    for path in (ROOT / folder).rglob("*.py")
)
SHELLS = {
    "system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell", "execl", "execlp",
    "spawnl", "spawnlp",
}  # fmt: skip
WITHIN_S = 60.0


def calls_of_a_shell(source):
    """List the lines of a program that hand text to a shell, or unpickle, or evaluate."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        shell = any(
            keyword.arg == "shell" and getattr(keyword.value, "value", True)
            for keyword in node.keywords
        )
        if shell or (name in SHELLS and owner in ("os", "subprocess", "asyncio", "commands", "")):
            found.append(node.lineno)
        if name in ("eval", "exec") and isinstance(node.func, ast.Name):
            found.append(node.lineno)
        if name in ("load", "loads") and owner in ("pickle", "marshal", "yaml", "shelve", "joblib"):
            found.append(node.lineno)
        safe = any(keyword.arg == "weights_only" for keyword in node.keywords)
        if name == "load" and owner == "torch" and not safe:
            found.append(node.lineno)
    return found


UNPICKLE_OWN_PIPES = {
    "musqa_pipeline/core/workers/child.py",
    "musqa_pipeline/core/workers/pool.py",
    "musqa_pipeline/core/workers/flow.py",
}
"""They exchange tasks with processes of their own, over pipes (or Dask, see docs/security.md)."""


def test_nothing_is_handed_to_a_shell_evaluated_or_unpickled():
    found = {str(p.relative_to(ROOT)): calls_of_a_shell(p.read_text("utf-8")) for p in SOURCES}
    assert {name for name, lines in found.items() if lines} == UNPICKLE_OWN_PIPES


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(text, shell=True)",
        "subprocess.Popen(text, shell=flag)",
        "os.system(text)",
        "os.popen(text)",
        "subprocess.getoutput(text)",
        "eval(text)",
        "pickle.loads(data)",
        "yaml.load(text)",
        "torch.load(path)",
    ],
)
def test_the_search_for_shells_finds_them(line):
    assert calls_of_a_shell(f"x = 1\n{line}\n") == [2]
    assert calls_of_a_shell("subprocess.run([a], shell=False)\nyaml.safe_load(text)\n") == []


NAMES = ("; touch owned", "$(touch owned).wav", "-i", "--help.wav", "two\nlines.wav", "a|b.wav")


def test_odd_names_are_names_all_the_way(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "tracks.csv").write_text("file\n" + "".join(f'"{name}"\n' for name in NAMES))
    for name in NAMES:
        write(folder / "x.wav", noise(0.5)).rename(folder / name)
    for entry in catalog_files(Catalog("c", folder)):
        with open_audio(entry.path) as audio:
            assert sum(map(len, audio.blocks)) == RATE_HZ // 2
    assert {entry.file for entry in catalog_files(Catalog("c", folder))} == set(NAMES)
    assert not list(tmp_path.rglob("owned"))


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "memory.wav").symlink_to("/proc/self/mem")
    (tmp_path / "self.wav").symlink_to(tmp_path / "self.wav")
    (tmp_path / "processes").symlink_to("/proc")
    started = time.monotonic()
    entries = {e.file: e for e in catalog_files(Catalog("c", tmp_path, follow_links=False))}
    assert {f for f, e in entries.items() if e.leads_outside} == {
        "zero.wav", "memory.wav", "processes",
    }  # fmt: skip
    for name, reason in (
        ("pipe.wav", "not_a_file"),
        ("zero.wav", "not_a_file"),
        ("memory.wav", "empty_file"),
        ("self.wav", "cannot_read"),
    ):
        with pytest.raises(UnfitInputError, match=reason):
            check_readable(tmp_path / name)
        with pytest.raises(UnfitInputError, match=r"unreadable|empty"), open_audio(tmp_path / name):
            pass
    assert time.monotonic() - started < 10


def listening(process):
    """Addresses and ports on which a process or one of its children listens."""
    family = [process, *process.children(recursive=True)]
    found = []
    for member in family:
        try:
            connections = member.net_connections(kind="inet")
        except psutil.Error:  # ended meanwhile
            continue
        found += [c.laddr for c in connections if c.status == psutil.CONN_LISTEN]
    return found


def beyond_loopback(addresses):
    return [ip for ip, _ in addresses if not ipaddress.ip_address(ip).is_loopback]


@pytest.fixture
def started():
    """Start programs in groups of their own, and end them with the test."""
    processes = []

    def start(*command, **options):
        process = subprocess.Popen(
            command,
            start_new_session=True,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_the_check_of_ports_sees_one_that_is_open_to_all(started):
    program = """
        import socket, time
        s = socket.socket(); s.bind(("", 0)); s.listen(); print("ready", flush=True)
        time.sleep(60)
    """
    process = started(sys.executable, "-c", textwrap.dedent(program))
    assert process.stdout.readline() == "ready\n"
    assert beyond_loopback(listening(psutil.Process(process.pid))) == ["0.0.0.0"]


def test_the_server_listens_on_loopback_alone(started, tmp_path):
    assert ServeSettings().is_loopback
    write_tiny_model(tmp_path / "tiny.onnx")
    process = started(
        *(sys.executable, "-m", "musqa_pipeline.cli", "serve", "--port", "0"),
        *("--model", str(tmp_path / "tiny.onnx")),
    )
    assert "musqa serves at http://127.0.0.1:" in process.stdout.readline()
    addresses = listening(psutil.Process(process.pid))
    assert addresses
    assert beyond_loopback(addresses) == []


def test_workers_listen_nowhere(started):
    program = """
        import time
        from musqa_pipeline.core.workers.interface import Needs
        from musqa_pipeline.core.workers.local import LocalPool

        if __name__ == "__main__":
            print("ready", flush=True)
            list(LocalPool(2).map(time.sleep, [60, 60], needs=Needs()))
    """
    process = started(sys.executable, "-c", textwrap.dedent(program))
    assert process.stdout.readline() == "ready\n"
    parent = psutil.Process(process.pid)
    ends = time.monotonic() + WITHIN_S
    while len(parent.children(recursive=True)) < 2:
        assert time.monotonic() < ends
        time.sleep(0.1)
    time.sleep(0.5)
    assert listening(parent) == []


@pytest.mark.long
def test_make_ui_listens_on_loopback_alone_and_sends_nothing(started, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MUSQA_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        process = started(*("make", "ui", f"PORT={port}"), cwd=ROOT, env=environment, stdout=log)
        parent, ends = psutil.Process(process.pid), time.monotonic() + 4 * WITHIN_S
        addresses = []
        while port not in [there for _, there in addresses]:
            assert process.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.2)
            addresses = listening(parent)
    assert beyond_loopback(addresses) == []
    said = (tmp_path / "log").read_text()
    assert "Dagster" in said
    assert "elemetry" not in said
    assert "SupersessionWarning" not in said


def test_no_file_of_ours_names_an_address_that_all_can_reach():
    files = [
        *SOURCES, *ROOT.glob("*.yaml"), *ROOT.glob("deploy/*"), ROOT / "Makefile",
        *(p for p in (ROOT / ".ci").iterdir()),
    ]  # fmt: skip
    naming = [p for p in files if p.is_file() and "0.0.0.0" in p.read_text(encoding="utf-8")]
    assert naming == []
