"""One picture: predictions over opinions, with the intervals of the opinions and the mapping."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies import figures
from musqa_pipeline.studies.listening.compare import Matched
from musqa_pipeline.studies.listening.ratings import LOW_ANCHOR, MID_ANCHOR, REFERENCE

KINDS = {
    "": "excerpts",
    LOW_ANCHOR: "3.5 kHz anchor",
    MID_ANCHOR: "7 kHz anchor",
    REFERENCE: "hidden reference",
}
"""What the legend calls conditions; all others are excerpts."""
STYLE = "<style>:root{--ink:#1b2530;--muted:#5c6773;--grid:#dde2e8;--card:#fff}</style>"
"""What a report's page defines, for a picture that stands alone."""


def over_opinions(matched: Matched, *, points: bool = False) -> figures.Figure:
    """Draw within `figures.house_style` one panel of the kind of paper 001, figure 3.

    With `points`, both sides are points of 100, so that a diagonal means something.
    """
    figure = figures.new_figure(*((4.8, 5.0) if points else (5.2, 4.6)))
    axes = figure.add_subplot()
    kinds = np.array([KINDS.get(o.condition, KINDS[""]) for o in matched.opinions])
    present = [name for name in KINDS.values() if (kinds == name).any()]
    for i, name in enumerate(present):
        rows = kinds == name
        axes.errorbar(
            matched.mos[rows],
            matched.predicted[rows],
            xerr=None if matched.half_width is None else matched.half_width[rows],
            fmt=figures.RECORDING_MARKERS[i],
            markersize=4,
            linewidth=0,
            elinewidth=0.7,
            color=figures.SERIES_PRINTED[i],
            label=f"{name} ({int(rows.sum())})",
        )
    mapping = matched.mapping
    if mapping is not None:
        grid = np.linspace(mapping.low, mapping.high, 200)
        axes.plot(mapping(grid), grid, color=figures.INK, linewidth=1.2, label="monotone mapping")
    of = ", points" if points else ""
    opinion = f"mean opinion{of} (95 % interval)" if matched.half_width is not None else ""
    figures.points_axes(axes, x=opinion or f"mean opinion{of}", y=f"prediction{of}", square=points)
    figure.legend(loc="outside lower left", ncols=3)
    return figure


def draw(matched: Matched, path: Path, *, title: str = "") -> None:
    """Draw predictions over opinions into a file, the same bytes for the same numbers.

    Raises
    ------
    SettingsError
        If the path does not end in .svg or .png, or the file cannot be written.
    """
    if path.suffix.lower() not in (".svg", ".png"):
        raise SettingsError(f"{path}: expected a name that ends in .svg or .png")
    with figures.house_style(f"listening-{path.stem}"):
        figure = over_opinions(matched)
        figure.axes[0].set_title(title)
        data = _bytes(figure, path, len(matched.opinions))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror})") from error


def _bytes(figure: figures.Figure, path: Path, n_excerpts: int) -> bytes:
    if path.suffix.lower() == ".png":
        return figures.to_png(figure)
    text = figures.to_svg(figure, f"Predictions over mean opinion scores of {n_excerpts} excerpts")
    opening, rest = text.split(">", 1)
    return f"{opening}>{STYLE}{rest}\n".encode()
