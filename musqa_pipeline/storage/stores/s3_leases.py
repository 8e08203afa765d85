"""Locks on object storage: an object with an owner and an expiry, renewed while it is held.

Whoever wants a lease puts its object with a condition on what was there, so that of two only one
gets it. Expiry is judged by the storage's clock alone. A holder that could not renew in time takes
itself for expired before anyone else does, by a clock that also runs while it is stopped, and every
write of its process is refused from then on.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from musqa_pipeline.core.errors import LakeError, LeaseLostError, LockedError, SettingsError
from musqa_pipeline.core.progress import logger
from musqa_pipeline.storage.stores.s3_bucket import Bucket

LEASE_S = "MUSQA_LEASE_S"
DEFAULT_LEASE_S = 60.0
_LEAST_LEASE_S = 2.0
_POLL_S = 2.0
_CLOCK_STEP_S = 1.0
"""Storage tells its time in whole seconds."""


@dataclass(frozen=True)
class Record:
    """What a lease's object says."""

    fence: int
    """Grows by one with each holder."""
    owner: str = ""
    """Of this holding alone; empty when it is free."""
    ttl_s: float = 0.0
    """It expires so long after it was last put, by the storage's clock."""
    renewals: int = 0
    host: str = ""
    process: str = ""
    """Machine since its start, space of process ids, process id, and start of the process."""

    def content(self) -> bytes:
        """Return the object's content."""
        return json.dumps(asdict(self), sort_keys=True).encode()


@dataclass
class Lease:
    """A lease that this process holds."""

    bucket: Bucket
    key: str
    ttl_s: float
    record: Record
    version: str
    renewed_s: float
    """When the last renewal was sent, by this machine's clock that never stops."""
    lost: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Raise unless the lease is surely held, without asking the storage.

        Raises LeaseLostError if it was taken over, or was not renewed in time.
        """
        # A tenth earlier than others think so.
        if self.lost or _now_s() > self.renewed_s + 0.9 * self.ttl_s:
            raise LeaseLostError(
                f"the lock {self.bucket.home / self.key} was lost: it could not be renewed for "
                f"{self.ttl_s:g} s, and another process may hold it; nothing more is written, run "
                "again"
            )

    def renew(self) -> None:
        """Put the lease's object anew, which fails if anyone else did.

        One that expired and that nobody took is held again: its version says so.

        Raises LeaseLostError if it was taken over.
        """
        with self.turn:
            if self.lost:
                self.check()
            sent_s = _now_s()
            record = replace(self.record, renewals=self.record.renewals + 1)
            version = self.bucket.put(self.key, record.content(), self.version)
            if version is None:
                self.lost = True
                self.check()
            else:
                self.record, self.version, self.renewed_s = record, version, sent_s

    def keep(self) -> None:
        """Renew until the lease ends; runs in a thread of its own."""
        while not self.ended.wait(self.ttl_s / 4):
            try:
                self.renew()
            except LeaseLostError:
                return
            except LakeError as error:
                logger.warning("the lock %s could not be renewed: %s", self.key, error)

    def release(self) -> None:
        """Say that the lease is free, if it is still held."""
        self.ended.set()
        with self.turn:
            if not self.lost:
                free = Record(self.record.fence)
                self.bucket.put(self.key, free.content(), self.version)


class Leases:
    """The leases of one home that this process holds."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._held: list[Lease] = []

    @contextmanager
    def hold(self, key: str, *, wait: bool) -> Iterator[Lease]:
        """Hold a lease while the block runs.

        Raises LockedError if it is held and `wait` is false, and LeaseLostError at the end of the
        block, if it was lost meanwhile.
        """
        lease = self._take(key, wait=wait)
        self._held.append(lease)
        threading.Thread(target=lease.keep, daemon=True).start()
        try:
            yield lease
            lease.check()
        finally:
            self._held.remove(lease)
            try:
                lease.release()
            except LakeError as error:  # it expires by itself
                logger.warning("the lock %s could not be given back: %s", key, error)

    def check(self) -> None:
        """Raise `LeaseLostError` if this process lost any lease that it holds."""
        for lease in list(self._held):
            lease.check()

    def confirm(self) -> None:
        """Ask the storage whether all leases are still held, and raise `LeaseLostError` if not."""
        for lease in list(self._held):
            lease.renew()

    def _take(self, key: str, *, wait: bool) -> Lease:
        ttl_s = lease_s()
        owner = os.urandom(12).hex()
        while True:
            present = self._bucket.get(key)
            found = _read(present.content) if present else Record(0)
            if present and _is_held(found, present.age_s):
                if not wait:
                    raise LockedError(
                        f"{self._bucket.home / key} is locked by another musqa process (on "
                        f"{found.host}); wait for it to end, or set MUSQA_HOME to another place"
                    )
                time.sleep(min(_POLL_S, ttl_s / 4))
                continue
            sent_s = _now_s()
            mine = Record(
                fence=found.fence + 1,
                owner=owner,
                ttl_s=ttl_s,
                host=platform.node(),
                process=_this_process(),
            )
            version = self._bucket.put(key, mine.content(), present.version if present else None)
            if version is not None:
                return Lease(self._bucket, key, ttl_s, mine, version, sent_s)


def lease_s() -> float:
    """Return how long a lease lasts that nobody renews.

    Raises SettingsError if it is no number of at least 2.
    """
    text = os.environ.get(LEASE_S) or str(DEFAULT_LEASE_S)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not _LEAST_LEASE_S <= value < float("inf"):
        raise SettingsError(f"{LEASE_S}={text}: expected seconds, at least {_LEAST_LEASE_S:g}")
    return value


def _read(content: bytes) -> Record:
    """Read a lease's object; a damaged one is free, and whoever takes it puts it right."""
    try:
        return Record(**json.loads(content))
    except (ValueError, TypeError):
        return Record(0)


def _now_s() -> float:
    """Return a clock of this machine that nobody sets and that runs while it sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _this_process() -> str:
    return f"{_this_machine()}/{os.getpid()}@{_started(os.getpid())}"


def _this_machine() -> str:
    """Name this machine since its start, and the space in which process ids are unique."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"


def _started(pid: int) -> str:
    """Return when a process started, in the kernel's ticks; empty if it is gone or a zombie."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else rest[18]


def _is_held(found: Record, age_s: float) -> bool:
    """Tell whether a lease is held: not free, not expired, its holder not seen dead from here."""
    if not found.owner or age_s > found.ttl_s + _CLOCK_STEP_S:
        return False
    machine, _, process = found.process.rpartition("/")
    pid, _, started = process.partition("@")
    ended_here = machine == _this_machine() and pid.isdigit() and _started(int(pid)) != started
    return not ended_here
