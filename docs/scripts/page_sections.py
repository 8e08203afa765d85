"""The parts of a page that scripts write: what stands between two comments of a name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]


def write_sections(page: Path, sections: Mapping[str, str], *, if_there: bool = False) -> None:
    """Replace sections of a page, or of them only those that it has; else end with an error."""
    text = page.read_text("utf-8")
    for name, content in sections.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(start)
        _, found, after = rest.partition(end)
        if found:
            text = f"{before}{start}\n\n{content}\n\n{end}{after}"
        elif not if_there:
            raise SystemExit(f"error: {start} … {end} not found in docs/{page.name}")
    page.write_text(text, encoding="utf-8")
