"""A disk that is full, read-only, closed to us, or that takes no larger files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from tests.drill.ledger import Ledger, Skipped

PAGE = 4096
NOBODY = 65_534


@contextmanager
def small_disk(folder: Path, size_kb: int):
    """Mount a file system of a few kilobytes.

    Raises
    ------
    Skipped
        Where mounting is not allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() != 0 or not _ran("mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "t", folder):
        raise Skipped("no file system can be mounted here (it needs root and CAP_SYS_ADMIN)")
    try:
        yield
    finally:
        assert _ran("umount", "-l", folder)


def drill_full(plant, ledger: Ledger, lake, room_kb, *, during: bool = False, **variables) -> None:
    """Fill the disk of a lake but for some kilobytes, run, make room: again and again.

    Parameters
    ----------
    plant, ledger, lake
        The lake lies on a `small_disk`.
    room_kb : iterable of int
        What is left free, each time.
    during : bool
        Whether the disk fills while a run is under way.
    variables : str
        Environment of the runs.
    """
    ballast = lake.home / "ballast"
    for room in room_kb:
        if during:
            run = plant.run(lake, **variables)
            time.sleep(0.3)
            fill(ballast, room)
        else:
            fill(ballast, room)
            run = plant.run(lake, **variables)
        code, free = run.wait(), free_bytes(lake.home)
        told = plant.log(lake).rpartition("error:")[2]
        proof = (code == 1 and "disk is full" in told) and f"ENOSPC, {free} bytes free: {told[:90]}"
        ledger.fault("disk full", f"{room} kB left{' in a run' if during else ''}", proof)
        ballast.unlink()
    ledger.judge(plant.finish(lake))


def drill_read_only(plant, ledger: Ledger, lake, n: int, **variables) -> None:
    """Make the disk of a lake read-only, run, make it writable."""
    if hasattr(lake, "numbers"):
        (lake.home / "numbers.txt").write_text(lake.numbers)
    for _ in range(n):
        assert _ran("mount", "-o", "remount,ro", lake.home)
        try:
            code, told = plant.run(lake, **variables).wait(), plant.log(lake)
        finally:
            assert _ran("mount", "-o", "remount,rw", lake.home)
        proof = (code == 1 and "file system is read-only" in told) and "EROFS, exit code 1"
        ledger.fault("read-only disk", "before a run", proof)
    ledger.judge(plant.finish(lake))


def drill_closed(toys, ledger: Ledger, lake, rng, n: int) -> None:
    """Take the right to write away from a run of another user, while it runs."""
    if os.getuid() != 0:
        raise Skipped("no other user can be taken here (it needs root)")
    for path in [lake.root, *lake.root.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    (lake.home / "slow").write_text("0.05")
    closed = [p for p in (lake.home / "lake").rglob("catalog=toys")]
    for _ in range(n):
        run = toys.run(lake, user=NOBODY)
        time.sleep(rng.uniform(0.1, 0.6))
        for folder in closed:
            folder.chmod(0o555)
        code, told = run.wait(), toys.log(lake)
        for folder in closed:
            folder.chmod(0o755)
        proof = (code == 1 and "permission is denied" in told) and "EACCES, exit code 1"
        ledger.fault("no right to write", "during a run", proof)
    (lake.home / "slow").unlink()
    ledger.judge(toys.finish(lake, user=NOBODY))


def drill_small_files(plant, ledger: Ledger, lake, limits_bytes, **variables) -> None:
    """Let a run write no file beyond a size; needs no rights, so that it runs everywhere."""
    for limit in limits_bytes:
        plant.log_file(lake).unlink(missing_ok=True)  # the limit is its own too
        code = plant.run(lake, DRILL_FSIZE=str(limit), **variables).wait()
        told = plant.log(lake)
        proof = (code == 1 and "File too large" in told) and f"EFBIG at {limit} bytes, exit code 1"
        ledger.fault("file size limit", f"{limit} bytes", proof)
    ledger.judge(plant.finish(lake))


def fill(ballast: Path, room_kb: int) -> None:
    """Write until the disk has so much room left."""
    handle = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with contextlib.suppress(OSError):
        while True:
            os.write(handle, bytes(PAGE))
    os.close(handle)
    os.truncate(ballast, max(0, ballast.stat().st_size - room_kb * 1024))


def free_bytes(folder: Path) -> int:
    """Return what is free on the disk of a folder."""
    state = os.statvfs(folder)
    return state.f_bfree * state.f_frsize


def _ran(*command: object) -> bool:
    return (
        subprocess.run([str(c) for c in command], capture_output=True, check=False).returncode == 0
    )
