"""A server of its own, from the command line, and clients that speak HTTP byte by byte."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.memory import memory_kb
from tests.scoring.sweep.tiny_model import write_tiny_model

ESTABLISHED, CLOSE_WAIT = "01", "08"


class Asked(NamedTuple):
    status: int
    answer: dict
    took_s: float


class Server:
    """A `musqa serve` that runs."""

    def __init__(self, process, port, stderr, folder):
        self.pid, self.port, self.folder = process.pid, port, folder
        self._stderr = stderr

    def connect(self, *, receive_bytes=None, timeout_s=20.0):
        """Open a connection."""
        client = socket.socket()
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(timeout_s)
        client.connect(("127.0.0.1", self.port))
        return client

    def ask(self, method, path, body=None):
        """Ask as an honest client does, on a connection of its own."""
        began = time.monotonic()
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Content-Type": "audio/flac"} if body else {}
        asking.request(method, path, body, headers)
        answer = asking.getresponse()
        found = json.loads(answer.read())
        asking.close()
        return Asked(answer.status, found, time.monotonic() - began)

    def memory_mb(self):
        """Give the most memory that the server ever had."""
        return memory_kb(self.pid) / 1024

    def n_connections(self):
        """Count the connections that the server holds, by what the kernel says of its port."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        here = f":{self.port:04X}"
        return sum(row[1].endswith(here) and row[3] in (ESTABLISHED, CLOSE_WAIT) for row in rows)

    def said(self):
        """Give what the server wrote."""
        return self._stderr.read_text()

    def files(self):
        """Name the files of requests that lie there."""
        (spool,) = self.folder.glob("musqa-serve-*")
        # os.walk passes over a folder that goes meanwhile; Path.rglob fails.
        names = [name for _, _, names in os.walk(spool) for name in names]
        return sorted(name for name in names if name != "lock")

    def rests(self, patience_s, n_connections=0):
        """Wait until no file lies there and no more connections are held; an answer comes first."""
        until = time.monotonic() + patience_s
        while self.files() or self.n_connections() > n_connections:
            assert time.monotonic() < until, (self.files(), self.n_connections())
            time.sleep(0.05)


@contextmanager
def serving(folder, *options):
    """Run a server with a tiny model on a free port."""
    stderr = folder / "stderr"
    command = [sys.executable, "-m", "musqa_pipeline.cli", "serve", "--port", "0"]
    command += ["--model", str(write_tiny_model(folder / "tiny.onnx")), *map(str, options)]
    with (
        stderr.open("w") as written,
        subprocess.Popen(
            command, stderr=written, env={**os.environ, "TMPDIR": str(folder)}
        ) as process,
    ):
        server = Server(process, _port_of(stderr, process), stderr, folder)
        server.ask("GET", "/healthz")  # waits until it answers
        try:
            yield server
        finally:
            process.terminate()
            process.wait(20)
    assert not list(folder.glob("musqa-serve-*"))


def _port_of(stderr, process):
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", stderr.read_text())
        if found:
            return int(found[1])
        assert process.poll() is None, stderr.read_text()
        time.sleep(0.05)
    raise AssertionError("the server does not start")
