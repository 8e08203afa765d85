"""Known vulnerabilities of the pinned versions, by pip-audit. No answer is not "clean".

pip-audit ends well when the advisory service knows none of the names: it passes over them. Behind
a mirror of the index that is every one of them. So what was passed over is counted.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from audit.licences import ROOT

CONSTRAINTS = ROOT / "constraints.txt"


@dataclass
class Advisories:
    """What is known."""

    n_looked_up: int = 0
    found: list[str] = field(default_factory=list)
    """A line a vulnerability: distribution, version, id, versions that mend it."""
    not_looked_up: list[str] = field(default_factory=list)
    """Names that the service does not know."""
    failure: str = ""
    """Why nothing could be asked at all; empty if something could."""


def look_up(constraints: Path = CONSTRAINTS, timeout_s: float = 600.0) -> Advisories:
    """Ask the index's advisory service about all pinned versions; needs its network.

    Parameters
    ----------
    constraints : Path
        Pins, one a line.
    timeout_s : float
        Most time to wait.

    Returns
    -------
    Advisories
        What came back, or why nothing did.
    """
    if importlib.util.find_spec("pip_audit") is None:
        return Advisories(failure="pip-audit is not installed; `make audit` installs it")
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(constraints), "--no-deps",
        "--disable-pip", "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Advisories(failure=f"the advisory service did not answer within {timeout_s:g} s")
    return understood(done.stdout, done.stderr)


def understood(stdout: str, stderr: str) -> Advisories:
    """Read what pip-audit said.

    Parameters
    ----------
    stdout, stderr : str
        Its output.

    Returns
    -------
    Advisories
        With `failure` where the output is no report.
    """
    try:
        dependencies = json.loads(stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = stderr.strip().splitlines() or ["no message"]
        return Advisories(failure=f"pip-audit gave no report ({lines[-1][:300]})")
    advisories = Advisories()
    for dependency in dependencies:
        if "skip_reason" in dependency:
            advisories.not_looked_up.append(dependency["name"])
            continue
        advisories.n_looked_up += 1
        for known in dependency["vulns"]:
            mended = ", ".join(known.get("fix_versions") or ()) or "no version"
            advisories.found.append(
                f"{dependency['name']} {dependency['version']}: {known['id']}, mended in {mended}"
            )
    return advisories
