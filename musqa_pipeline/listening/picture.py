"""One picture: predictions over opinions, with the intervals of the opinions and the mapping."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musqa_pipeline.errors import SettingsError
from musqa_pipeline.evaluation import svg
from musqa_pipeline.listening.compare import Matched
from musqa_pipeline.listening.ratings import LOW_ANCHOR, MID_ANCHOR, REFERENCE

KINDS = {
    "": "excerpts",
    LOW_ANCHOR: "3.5 kHz anchor",
    MID_ANCHOR: "7 kHz anchor",
    REFERENCE: "hidden reference",
}
"""What the legend calls conditions; all others are excerpts."""
STYLE = "<style>:root{--ink:#1b2530;--muted:#5c6773;--grid:#dde2e8;--card:#fff}</style>"
"""What a report's page defines, for a picture that stands alone."""


def draw(matched: Matched, path: Path, *, title: str = "") -> None:
    """Draw predictions over opinions into a file.

    Parameters
    ----------
    matched : Matched
        Opinions and predictions.
    path : Path
        Ends in .svg or .png; the same bytes for the same numbers.
    title : str
        Above the picture.

    Raises
    ------
    SettingsError
        If the ending is another, or the file cannot be written.
    """
    if path.suffix.lower() not in (".svg", ".png"):
        raise SettingsError(f"{path}: expected a name that ends in .svg or .png")
    with svg.house_style(f"listening-{path.stem}"):
        figure = svg.new_figure(5.2, 4.4)
        axes = figure.add_subplot()
        kinds = np.array([KINDS.get(o.condition, KINDS[""]) for o in matched.opinions])
        present = [name for name in KINDS.values() if (kinds == name).any()]
        for i, name in enumerate(present):
            rows = kinds == name
            axes.errorbar(
                matched.mos[rows],
                matched.predicted[rows],
                xerr=None if matched.half_width is None else matched.half_width[rows],
                fmt=svg.RECORDING_MARKERS[i],
                markersize=4,
                linewidth=0,
                elinewidth=0.7,
                color=svg.SERIES_PRINTED[i],
                label=f"{name} ({int(rows.sum())})",
            )
        mapping = matched.mapping
        if mapping is not None:
            grid = np.linspace(mapping.low, mapping.high, 200)
            axes.plot(mapping(grid), grid, color=svg.INK, linewidth=1.2, label="monotone mapping")
        svg.points_axes(axes, x="mean opinion score, 95 % interval", y="predicted")
        axes.set_title(title)
        axes.legend(loc="upper left")
        data = _bytes(figure, path, len(matched.opinions))
    try:
        path.write_bytes(data)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror})") from error


def _bytes(figure: svg.Figure, path: Path, n_excerpts: int) -> bytes:
    if path.suffix.lower() == ".png":
        return svg.to_png(figure)
    text = svg.to_svg(figure, f"Predictions over mean opinion scores of {n_excerpts} excerpts")
    opening, rest = text.split(">", 1)
    return f"{opening}>{STYLE}{rest}\n".encode()
