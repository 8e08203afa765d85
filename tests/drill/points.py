"""Named moments at which a process kills itself, without a line of the product being changed.

The interpreter announces what it is about to do (PEP 578): a point is such an event on a path that
matches a pattern. ``DRILL_POINT="os.rename|*/labels/*.parquet|2|before|/tmp/note"`` kills the
process with SIGKILL when it is about to move the third such file into place; ``after`` kills it at
the first event that follows. The note is written at that moment, once: it is the proof.
"""

from __future__ import annotations

import fnmatch
import os
import signal
import sys
from dataclasses import dataclass

EXEMPT = "/stage_runs/"
"""Records of runs have a name of their own in each run, so that no walk through them would end."""
TARGET = {"os.rename": 1, "os.remove": 0, "open": 0}
"""Which argument of an event is the path that counts."""


@dataclass(frozen=True)
class Point:
    """A moment."""

    pattern: str
    """What the path has to match; `os.replace` announces ``os.rename`` of (from, to)."""
    skip: int = 0
    """So many matches pass first."""
    when: str = "before"
    """``before`` it is done, or ``after``."""
    event: str = "os.rename"

    def variable(self, note: object) -> str:
        """Return the value of ``DRILL_POINT``, with the file that is to be the proof."""
        return "|".join([self.event, self.pattern, str(self.skip), self.when, str(note)])


def install(variable: str = "DRILL_POINT") -> None:
    """Watch for the moment that the environment names, if it names one."""
    if variable not in os.environ:
        return
    event, pattern, skip, when, note = os.environ[variable].split("|")
    left = [int(skip)]
    armed = [""]

    def watch(name: str, arguments: tuple) -> None:
        if armed[0]:
            path, armed[0] = armed[0], ""
            _die(note, path)
        if name != event or not fnmatch.fnmatch(path := str(arguments[TARGET[event]]), pattern):
            return
        if EXEMPT in path:
            return
        left[0] -= 1
        if left[0] < 0:
            if when == "before":
                _die(note, path)
            armed[0] = path

    sys.addaudithook(watch)


def _die(note: str, path: str) -> None:
    try:
        handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return
    os.write(handle, path.encode())
    os.kill(os.getpid(), signal.SIGKILL)
