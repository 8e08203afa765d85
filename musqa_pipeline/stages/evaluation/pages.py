"""Self-contained pages beside the report of a preset: one place that makes and places them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.publish import REPORTS
from musqa_pipeline.stages.evaluation.summary import number, shown_name
from musqa_pipeline.studies.figures import house_style, to_svg


def render_page(package: str, template: str, **values: Any) -> str:
    """Make a page of a template, in the style of the report."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, shown=shown_name, bytes=size_words)
    text = (resources.files(package) / template).read_text(encoding="utf-8")
    folder = resources.files("musqa_pipeline.stages.evaluation")
    style = Markup((folder / "report.css").read_text(encoding="utf-8"))
    return environment.from_string(text).render(style=style, **values)


def page_figure(make: Callable[..., Figure], name: str, words: str, *arguments: Any) -> Markup:
    """Draw a figure in the house style for a page; `words` are for those who cannot see it."""
    with house_style(name):
        return Markup(to_svg(make(*arguments), words))


def place_page(context: Context, name: str, content: bytes) -> str:
    """Put a page beside the report of a preset."""
    key = f"{REPORTS}/{context.preset.name}/{name}"
    context.lake.store.write_bytes(key, content)
    return key


def size_words(n_bytes: float | None) -> str:
    """Write a number of bytes with three digits or less."""
    if n_bytes is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(n_bytes) < 1000 or unit == "TB":
            break
        n_bytes /= 1000
    return f"{n_bytes:.0f} {unit}" if unit == "B" or n_bytes >= 10 else f"{n_bytes:.1f} {unit}"
