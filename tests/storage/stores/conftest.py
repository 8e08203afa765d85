import json
import os
import signal
import subprocess
import sys
import urllib.request
from itertools import count
from pathlib import Path

import pytest

from musqa_pipeline.core.home import ObjectHome
from musqa_pipeline.storage.stores.opening import _open_bucket

pytest.importorskip("moto", reason="needs moto[server], which [dev] installs")

BUCKET = "lake"
SECRET = "never-show-this-secret"
_NUMBERS = count()


class Storage:
    """The server and its faults."""

    def __init__(self, port):
        self.endpoint = f"http://127.0.0.1:{port}"

    def faults(self, *rules):
        """Play faults from now on: (kind, methods, pattern of the target, times, skip)."""
        names = ("kind", "methods", "match", "times", "skip")
        full = [dict(zip(names, (*rule, 0)[:5], strict=True)) | {"fired": 0} for rule in rules]
        self._ask(json.dumps(full).encode())

    def fired(self):
        """Return how often each of the rules fired."""
        return [rule["fired"] for rule in self._ask(None)]

    def _ask(self, body):
        with urllib.request.urlopen(f"{self.endpoint}/__faults", body) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="session")
def storage_server():
    program = Path(__file__).with_name("server.py")
    command = [sys.executable, program, str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        pid, port = map(int, starter.stdout.readline().split())
        starter.wait()
    yield Storage(port)
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def storage(storage_server, tmp_path, monkeypatch):
    for name in [n for n in os.environ if n.startswith(("AWS_", "MUSQA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDSECRET")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("MUSQA_S3_ENDPOINT", storage_server.endpoint)
    monkeypatch.setenv("MUSQA_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setenv("MUSQA_LEASE_S", "60")
    # botocore's own pauses grow to seconds; how long it waits is not what is tested
    monkeypatch.setattr(
        "botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0
    )
    request = urllib.request.Request(f"{storage_server.endpoint}/{BUCKET}", method="PUT")
    urllib.request.urlopen(request).close()
    storage_server.faults()
    yield storage_server
    storage_server.faults()
    _open_bucket.cache_clear()


@pytest.fixture
def remote_home(storage):
    """A place of its own on the storage."""
    return ObjectHome(BUCKET, f"place{next(_NUMBERS)}/deep")
