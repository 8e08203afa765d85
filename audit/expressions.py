"""Licences as expressions: what metadata say, and whether a list of allowed terms covers it.

Grammar after SPDX: names, joined by ``AND`` and ``OR``, with parentheses; ``WITH`` makes an
exception part of a name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.metadata import Distribution

CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "Public Domain": "public domain",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "GNU General Public License (GPL)": "GPL",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0",
}
"""Trove classifiers that name terms; ``BSD License`` does not say how many clauses."""
TEXTS = {
    "mit": "MIT", "mit license": "MIT", "bsd": "BSD", "bsd license": "BSD",
    "bsd-3-clause": "BSD-3-Clause", "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause",
    "apache 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "isc": "ISC", "psf-2.0": "PSF-2.0", "mpl-2.0 and mit": "MPL-2.0 AND MIT",
    "bsd 3-clause or apache-2.0": "BSD-3-Clause OR Apache-2.0", "gpl-3.0": "GPL-3.0",
}  # fmt: skip
"""What the field ``License`` says in the wild; any other text is unknown."""


def licence_of(distribution: Distribution) -> str:
    """Return what a distribution's metadata say of its licence.

    Parameters
    ----------
    distribution : importlib.metadata.Distribution
        As installed.

    Returns
    -------
    str
        An expression; empty if it is silent or unclear. ``License-Expression`` wins over
        classifiers, and they over the field ``License``. Several classifiers bind together.
    """
    metadata = distribution.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    named = [c.rpartition("::")[2].strip() for c in metadata.get_all("Classifier") or ()
             if c.startswith("License ::")]  # fmt: skip
    terms = [CLASSIFIERS[name] for name in named if name in CLASSIFIERS]
    if terms:
        return " AND ".join(terms)
    return TEXTS.get(str(metadata.get("License") or "").strip().lower(), "")


def is_covered(expression: str, allowed: Collection[str]) -> bool:
    """Tell whether allowed terms suffice for an expression.

    Parameters
    ----------
    expression : str
        From `licence_of`.
    allowed : collection of str
        Names, small letters or not.

    Returns
    -------
    bool
        All names of an ``AND`` have to be allowed, one of an ``OR``. False for what is empty or
        is no expression.
    """
    text = re.sub(r"\s+WITH\s+", "+WITH+", expression.strip(), flags=re.IGNORECASE)
    text = re.sub(r"public domain", "public+domain", text, flags=re.IGNORECASE)
    tokens = re.findall(r"\(|\)|[^\s()]+", text)
    names = {name.lower().replace(" with ", "+with+").replace(" ", "+") for name in allowed}
    try:
        covered, rest = _either(tokens, names)
    except IndexError:
        return False
    return covered and not rest


def _either(tokens: list[str], names: set[str]) -> tuple[bool, list[str]]:
    covered, rest = _all(tokens, names)
    while rest and rest[0].upper() == "OR":
        other, rest = _all(rest[1:], names)
        covered = covered or other
    return covered, rest


def _all(tokens: list[str], names: set[str]) -> tuple[bool, list[str]]:
    covered, rest = _name(tokens, names)
    while rest and rest[0].upper() == "AND":
        other, rest = _name(rest[1:], names)
        covered = covered and other
    return covered, rest


def _name(tokens: list[str], names: set[str]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        covered, rest = _either(tokens[1:], names)
        if rest[0] != ")":
            raise IndexError
        return covered, rest[1:]
    return tokens[0].lower() in names, tokens[1:]
