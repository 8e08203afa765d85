"""A PostgreSQL server of its own: from Debian's package, on loopback, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "only for this test"
URL = "postgresql+psycopg2://musqa:only%20for%20this%20test@127.0.0.1:{port}/postgres"


def plain_url(url: str) -> str:
    """The URL as clients other than SQLAlchemy want it."""
    return url.replace("+psycopg2", "")


def find_program(name: str) -> str | None:
    """A program of the server; Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server and yield its URL. As root it runs as nobody, for it refuses root."""
    initdb, postgres = find_program("initdb"), find_program("postgres")
    assert initdb is not None
    assert postgres is not None
    other = {}
    folder = Path(tempfile.mkdtemp(prefix="musqa-postgres-"))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        other = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    data = folder / "data"
    log = (folder / "server.log").open("ab")
    subprocess.run(
        [initdb, "-D", data, "-U", "musqa", "-A", "scram-sha-256", "--pwfile", secret, "--no-sync"],
        check=True,
        stdout=log,
        stderr=log,
        cwd=folder,
        **other,
    )
    options = [
        f"port={port}",
        "listen_addresses=127.0.0.1",
        f"unix_socket_directories={folder}",
        "fsync=off",
    ]
    settings = [part for option in options for part in ("-c", option)]
    server = subprocess.Popen(
        [postgres, "-D", data, *settings], stdout=log, stderr=log, cwd=folder, **other
    )
    try:
        _wait_until_it_answers(port, server, folder)
        yield URL.format(port=port)
    finally:
        server.terminate()  # it waits for its clients
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.send_signal(2)  # it ends them
            server.wait(timeout=20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(port: int, server: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg2

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg2.connect(plain_url(URL.format(port=port))).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"no PostgreSQL:\n{(folder / 'server.log').read_text()}")
