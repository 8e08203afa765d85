"""Text of others on its way to a terminal, into JSON or into Markdown: what it may not do there.

Names, tags, messages of decoders and results of queries are anybody's. A terminal obeys control
characters, and Markdown has tags and links; so each way out has one function here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

LINES = "\n\t"
"""What `printable` may keep of a text of several lines."""
_MARKS = re.compile(r"[\\`*|~\[\]]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads as a mark; underscores within a word are none, as in names of files."""


def printable(text: str | bytes, keep: str = "") -> str:
    """Write a text so that a terminal shows it and obeys none of it."""
    if isinstance(text, str):
        if text.isprintable():
            return text
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half a character, which no path has
            raw = text.encode("utf-8", "backslashreplace")
    else:
        raw = text
    said = raw.decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in said
    )


def path_text(path: str | PurePath) -> str:
    """Write a path as valid text: bytes that are no UTF-8 become escapes, all else stays."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def json_text(value: Any, **options: Any) -> str:
    r"""Write a value as JSON that a terminal can show; who parses it has every character."""
    text = json.dumps(value, ensure_ascii=False, **options)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def markdown_text(value: object) -> str:
    """Write a value into Markdown, or a cell of a table of it, as nothing but text."""
    text = printable(" ".join(str(value).split()))
    text = _MARKS.sub(lambda mark: "\\" + mark.group(), text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def front_matter(facts: Mapping[str, Any]) -> str:
    """Write the head of a card as Hugging Face reads it: YAML, of which JSON is a part."""
    lines = [f"{key}: {json_text(value)}" for key, value in facts.items()]
    return "\n".join(["---", *lines, "---"])


def markdown_table(heads: str, rows: Iterable[Iterable[object]]) -> str:
    """Write a table of cells that are Markdown already; `heads` has bars between its columns."""
    lines = [heads, " | ".join(["---"] * (heads.count("|") + 1))]
    lines += [" | ".join(map(str, row)) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
