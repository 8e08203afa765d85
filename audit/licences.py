"""Licences of what is installed, against the list in ``licences.toml``: the base and each extra."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from audit.expressions import is_covered, licence_of

ROOT = Path(__file__).parents[1]
LIST_FILE = Path(__file__).with_name("licences.toml")
BASE = "base"


@dataclass
class Findings:
    """What an audit of licences came to."""

    looked_at: dict[str, int] = field(default_factory=dict)
    """Distributions by extra."""
    problems: list[str] = field(default_factory=list)
    not_installed: list[str] = field(default_factory=list)
    """Extras of which something is not installed, with its name: they are not looked at whole."""


def requirements(project: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what the base and each extra ask for.

    Parameters
    ----------
    project : mapping
        The table ``project`` of ``pyproject.toml``.

    Returns
    -------
    dict of str to list of str
        Requirements by extra; the base comes first.
    """
    extras: Mapping[str, list[str]] = project.get("optional-dependencies", {})
    return {BASE: list(project["dependencies"]), **{n: list(r) for n, r in extras.items()}}


def installed(asked: list[str]) -> tuple[dict[str, metadata.Distribution], list[str]]:
    """Find what is installed for requirements, with all that it pulls in turn.

    Parameters
    ----------
    asked : list of str
        Requirements.

    Returns
    -------
    found : dict of str to Distribution
        By canonical name.
    missing : list of str
        Names that are asked for and not installed.
    """
    found: dict[str, metadata.Distribution] = {}
    missing: list[str] = []
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(text) for text in asked]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        key = name, frozenset(requirement.extras)
        if key in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        found[name] = distribution
        for text in distribution.requires or ():
            pulled = Requirement(text)
            chosen = [{"extra": extra} for extra in (requirement.extras or {""})]
            if pulled.marker is None or any(pulled.marker.evaluate(e) for e in chosen):
                pulled.marker = None
                todo.append(pulled)
    return found, sorted(set(missing))


def audit_licences(project: Mapping[str, Any], rules: Mapping[str, Any]) -> Findings:
    """Check the licences of all that is installed for the base and for each extra.

    Parameters
    ----------
    project : mapping
        The table ``project`` of ``pyproject.toml``.
    rules : mapping
        ``licences.toml``.

    Returns
    -------
    Findings
        With every problem, in words.
    """
    findings, known = Findings(), dict(rules["known"])
    findings.problems += [
        f"{LIST_FILE.name} allows {name} in the base; the base may hold nothing GPL"
        for name in (*rules["everywhere"], *rules["extras"].get(BASE, ()))
        if _is_gpl(name)
    ]
    for extra, asked in requirements(project).items():
        if extra not in rules["extras"]:
            findings.problems.append(f"extra [{extra}] has no list in {LIST_FILE.name}; add one")
            continue
        allowed = {*rules["everywhere"], *rules["extras"][extra]}
        found, missing = installed(asked)
        findings.looked_at[extra] = len(found)
        if missing:
            findings.not_installed.append(f"{extra} ({', '.join(missing)})")
        for name, distribution in sorted(found.items()):
            said = known.get(name, {})
            licence = said.get("licence") or licence_of(distribution)
            if not licence:
                findings.problems.append(
                    f"[{extra}] {name} {distribution.version}: its metadata do not say its "
                    f"licence; read it and enter it under [known] in {LIST_FILE.name}"
                )
                continue
            for terms, what in ((licence, "is"), (said.get("carries", ""), "carries code that is")):
                if terms and not is_covered(terms, allowed):
                    findings.problems.append(
                        f"[{extra}] {name} {distribution.version} {what} {terms}: not allowed "
                        f"there by {LIST_FILE.name}"
                    )
    return findings


def _is_gpl(name: str) -> bool:
    """Whether a name is the GPL or AGPL itself, without an exception."""
    return name.upper().startswith(("GPL", "AGPL")) and " WITH " not in name.upper()


def read_rules() -> dict[str, Any]:
    """Read ``licences.toml``."""
    return tomllib.loads(LIST_FILE.read_text(encoding="utf-8"))


def read_project() -> dict[str, Any]:
    """Read the table ``project`` of ``pyproject.toml``."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project
