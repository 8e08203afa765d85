"""Memory of a process, as the kernel tells it."""

from __future__ import annotations

import re
from pathlib import Path


def memory_kb(pid: int | str = "self", name: str = "VmHWM") -> int:
    """Give the most memory that a process ever had, or has now (VmRSS).

    The kernel counts it by address space: `ru_maxrss` begins with the memory of the process that
    started this one.
    """
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found is not None, f"no {name} in the status of process {pid}"
    return int(found[1])
