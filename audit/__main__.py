"""``python -m audit``: licences of what is installed, and known vulnerabilities of what is pinned.

Exit codes: 0 clean; 1 something was found; 3 nothing was found, but not all could be looked up.
"""

from __future__ import annotations

import sys

from audit.licences import BASE, audit_licences, read_project, read_rules
from audit.vulnerabilities import Advisories, look_up

CLEAN, FOUND, UNKNOWN = 0, 1, 3


def main(arguments: list[str]) -> int:
    """Run the parts that are named, all without names, and return the exit code."""
    parts = arguments or ["licences", "vulnerabilities"]
    codes = []
    for part in parts:
        if part == "licences":
            codes.append(say_licences())
        elif part == "vulnerabilities":
            codes.append(say_vulnerabilities(look_up()))
        else:
            print(f"error: {part!r}: expected licences or vulnerabilities", file=sys.stderr)
            return 2
    return FOUND if FOUND in codes else max(codes)


def say_licences() -> int:
    """Print what the audit of licences found."""
    findings = audit_licences(read_project(), read_rules())
    counts = ", ".join(f"{extra} {n}" for extra, n in findings.looked_at.items())
    print(f"licences: distributions looked at by extra: {counts}")
    for extra in findings.not_installed:
        print(f"licences: not installed here, so not looked at whole: {extra}")
    for problem in findings.problems:
        print(f"licences: {problem}")
    if findings.problems:
        return FOUND
    if any(extra.startswith(f"{BASE} ") for extra in findings.not_installed):
        return UNKNOWN
    print("licences: all allowed by audit/licences.toml; nothing in the base is GPL")
    return CLEAN


def say_vulnerabilities(advisories: Advisories) -> int:
    """Print what is known of the pinned versions."""
    if advisories.failure:
        print(f"vulnerabilities: NOT LOOKED UP: {advisories.failure}")
        return UNKNOWN
    for line in advisories.found:
        print(f"vulnerabilities: {line}")
    if advisories.not_looked_up:
        names = ", ".join(advisories.not_looked_up[:5])
        print(
            f"vulnerabilities: NOT LOOKED UP: {len(advisories.not_looked_up)} of "
            f"{len(advisories.not_looked_up) + advisories.n_looked_up} pinned versions are unknown "
            f"to the advisory service ({names} …); ask it from where the index itself answers, "
            "not a mirror"
        )
    print(
        f"vulnerabilities: {len(advisories.found)} known of {advisories.n_looked_up} pinned "
        "versions that were looked up"
    )
    if advisories.found:
        return FOUND
    return UNKNOWN if advisories.not_looked_up or not advisories.n_looked_up else CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
