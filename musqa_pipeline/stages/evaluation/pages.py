"""Self-contained pages: a template in the style of the report, with how it writes its values."""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib.figure import Figure

from musqa_pipeline.stages.evaluation.summary import draw_words, number, shown_name
from musqa_pipeline.studies.figures import house_style, to_svg


def render_page(package: str, template: str, **values: Any) -> str:
    """Make a page of a template, in the style of the report."""
    folder = resources.files(package)
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, shown=shown_name, draw=draw_words, bytes=size_words, p_value=_p_value,
        uri=data_uri, counted=counted,
    )  # fmt: skip
    styles = resources.files("musqa_pipeline.stages.evaluation") / "report.css"
    style = Markup(styles.read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)


def page_figure(make: Callable[..., Figure], name: str, words: str, *arguments: Any) -> Markup:
    """Draw a figure in the house style for a page; `words` are for those who cannot see it."""
    with house_style(name):
        return Markup(to_svg(make(*arguments), words))


def counted(n: float, word: str) -> str:
    """Write how many there are of something: ``1 row``, ``1,234 rows``."""
    text = f"{n:,.0f}" if float(n).is_integer() else f"{n:,g}"
    return f"{text} {word if n == 1 else word + 's'}"


def data_uri(content: bytes, kind: str) -> str:
    """Return bytes as an address that needs no second file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def size_words(n_bytes: float | None) -> str:
    """Write a number of bytes with three digits or less."""
    if n_bytes is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(n_bytes) < 1000 or unit == "TB":
            break
        n_bytes /= 1000
    return f"{n_bytes:.0f} {unit}" if unit == "B" or n_bytes >= 10 else f"{n_bytes:.1f} {unit}"


def _p_value(value: float | None) -> str:
    """Write a p-value with two digits; what is far below any level as a bound."""
    if value is None:
        return "–"
    if value < 1e-12:
        return "< 1e−12"
    return f"{value:.2g}".replace("e-0", "e−").replace("e-", "e−")
