"""Hosts: network namespaces that are joined by a bridge, each with a home and scratch of its own.

A host sees the lake and nothing else of what others write: not their homes, not their scratch
folders, not their loopback. It needs root and the right to make namespaces.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from distributed import Client

from tests import ROOT


def refusal() -> str:
    """Why hosts cannot be made here; empty if they can."""
    if os.getuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        return "hosts need root, ip and unshare"
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], check=False).returncode
    return "" if tried == 0 else "no namespaces can be made here"


class Hosts:
    """A scheduler on this machine, and hosts that reach it over a bridge.

    Parameters
    ----------
    folder : Path
        Where the hosts' own folders lie, each hidden from the others.
    """

    made = 0

    def __init__(self, folder: Path) -> None:
        self.folder, self.names, self.links, self.started = folder, [], [], []
        self.net = f"10.{200 + os.getpid() % 50}.{os.getpid() % 250}"
        Hosts.made += 1  # a namespace that was deleted takes its name along a while after
        self.bridge = f"mq{os.getpid() % 10_000}{'abcdefghij'[Hosts.made % 10]}"
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{self.net}.1/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        note = folder / "scheduler.json"
        self.scheduler = self._start(
            {},
            *(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", f"{self.net}.1"),
            *("--port", "0", "--no-dashboard", "--scheduler-file", str(note)),
        )
        deadline = time.monotonic() + 90
        while not note.exists() or not note.read_text():
            assert self.scheduler.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        self.address = json.loads(note.read_text())["address"]

    def add(self, name: str, *, hidden: tuple[Path, ...] = (), **variables: str) -> None:
        """Start a host with a Dask worker.

        Parameters
        ----------
        name : str
            Short.
        hidden : tuple of Path
            Folders that it does not share with this machine.
        variables : str
            Its environment.
        """
        number, space = len(self.names) + 2, f"{self.bridge}-{name}"
        here, there = f"{self.bridge}h{number}", f"{self.bridge}n{number}"
        home = self.folder / name
        home.mkdir()
        ip("netns", "add", space)
        self.names.append(space)
        self.links.append(here)
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", space)
        ip("link", "set", here, "master", self.bridge, "up")
        ip("-n", space, "addr", "add", f"{self.net}.{number}/24", "dev", there)
        ip("-n", space, "link", "set", there, "up")
        ip("-n", space, "link", "set", "lo", "up")
        others = [p for p in self.folder.iterdir() if p.is_dir() and p != home]
        hide = " && ".join(f"mount -t tmpfs hidden {p}" for p in (*others, *hidden)) or "true"
        worker = (
            f"exec {sys.executable} -m distributed.cli.dask_worker {self.address} --nthreads 1 "
            f"--no-dashboard --local-directory {home} --name {name} --host {self.net}.{number}"
        )
        self._start(
            {"HOME": str(home), "TMPDIR": str(home), **variables},
            *("ip", "netns", "exec", space, "unshare", "--mount", "--uts", "sh", "-c"),
            f"hostname {name} && {hide} && {worker}",
        )

    def pull(self, name: str) -> None:
        """Take a host off the network."""
        ip("link", "set", self.link_of(name), "down")

    def plug(self, name: str) -> None:
        """Put it back."""
        ip("link", "set", self.link_of(name), "up")

    def state(self, name: str) -> str:
        """Return the kernel's word for the state of a host's link."""
        told = subprocess.run(
            ["ip", "-j", "link", "show", self.link_of(name)], capture_output=True, check=True
        )
        return json.loads(told.stdout)[0]["operstate"]

    def link_of(self, name: str) -> str:
        """Return this machine's end of a host's cable."""
        return self.links[self.names.index(f"{self.bridge}-{name}")]

    def wait_for(self, n_workers: int) -> None:
        """Wait for workers."""
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=120)

    @property
    def log(self) -> str:
        """What all of them said."""
        return (self.folder / "hosts.log").read_text()

    def _start(self, variables: dict[str, str], *command: str) -> subprocess.Popen[bytes]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MUSQA")}
        with (self.folder / "hosts.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**kept, "PYTHONPATH": str(ROOT), **variables},
                cwd=self.folder,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self.started.append(process)
        return process

    def stop(self) -> None:
        """End all and take the network down."""
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            finally:
                process.wait()
        for space in self.names:
            pids = subprocess.run(
                ["ip", "netns", "pids", space], capture_output=True, text=True, check=False
            ).stdout.split()
            for pid in pids:
                os.kill(int(pid), signal.SIGKILL)
            ip("netns", "delete", space)
        for link in (*self.links, self.bridge):
            subprocess.run(["ip", "link", "delete", link], capture_output=True, check=False)


def ip(*arguments: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
