"""Matplotlib figures as SVG that lives inside the page and takes its colours from it.

Figures are drawn in marker colours, each replaced by a CSS variable, so that one drawing serves
the light scheme, the dark one and print. No date and no random id is in it: same figure, same
text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

INK = "#010203"
MUTED = "#010204"
GRID = "#010205"
SURFACE = "#010206"
SERIES = tuple(f"#0102{i:02x}" for i in range(0x10, 0x18))
"""Colours of models, in their order; the page defines ``--c0`` to ``--c7``."""
SERIES_PRINTED = (
    "#2f74c0", "#d9822b", "#2a9d74", "#c8506a", "#8667c4", "#8a8f98", "#b09430", "#2a9aa8",
)  # fmt: skip
"""The same for pictures that cannot ask the page: mid-tones, readable on white and on black."""
RASTER_DPI = 180
"""Resolution of what is too much for vectors: markers of more than 1,500 rows."""
RECORDING_MARKERS = "osD^vP*X"

_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    SURFACE: "var(--card)",
    **{colour: f"var(--c{i})" for i, colour in enumerate(SERIES)},
}
_PRINTED = {
    **{INK: "#1b2530", MUTED: "#5c6773", GRID: "#dde2e8", SURFACE: "#ffffff"},
    **dict(zip(SERIES, SERIES_PRINTED, strict=True)),
}


@contextmanager
def house_style(name: str = "musqa") -> Iterator[None]:
    """Draw and save in the house style while the block runs.

    Parameters
    ----------
    name : str
        Name of the figure; it salts the ids within an SVG, so that those of two figures on one
        page differ.
    """
    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": name,
            "font.family": "DejaVu Sans",
            "font.size": 9.5,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.labelsize": 9.5,
            "axes.edgecolor": MUTED,
            "axes.labelcolor": INK,
            "axes.titlecolor": INK,
            "axes.facecolor": "none",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": GRID,
            "grid.linewidth": 0.8,
            "text.color": INK,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelsize": 8.5,
            "ytick.labelsize": 8.5,
            "legend.frameon": False,
            "legend.fontsize": 8.5,
            "figure.facecolor": "none",
            "lines.linewidth": 1.8,
        }
    ):
        yield


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure that needs no display and no global state, laid out when saved.

    4.8 inches wide fills a phone and half a desktop page.
    """
    layout = ConstrainedLayoutEngine(h_pad=0.07, w_pad=0.05)
    figure = Figure(figsize=(width_in, height_in), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def points_axes(axes: Axes, *, x: str, y: str, square: bool = False) -> None:
    """Set labels, and for a plot of points against points the scale 0-100 on both sides.

    With `square`, the diagonal is drawn too.
    """
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if square:
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.set(xlim=(-2, 102), ylim=(-2, 102), aspect="equal")
        axes.set_xticks(range(0, 101, 20))
        axes.set_yticks(range(0, 101, 20))


def to_svg(figure: Figure, alternative: str) -> str:
    """Return a figure as an ``<svg>`` element for the page, scaling to the width it is given.

    It is drawn and saved within `house_style`; `alternative` is a sentence for those who cannot see
    it.
    """
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        dpi=RASTER_DPI,
        transparent=True,
        metadata={"Date": None, "Creator": None},
    )
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    box = re.search(r'viewBox="([^"]+)"', text)
    if box is None:
        raise ValueError("matplotlib wrote an SVG without viewBox: expected one to scale by")
    width = float(box[1].split()[2]) / 72 * 96
    opening = (
        f'<svg class="plot" viewBox="{box[1]}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{escape(alternative)}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return opening + text[text.index(">") + 1 :].strip()


def to_png(figure: Figure, dots_per_inch: int = 110, *, n_colours: int = 64) -> bytes:
    """Return a figure, drawn within `house_style`, as PNG on white, the same on every run.

    For places that cannot style an SVG; spectrograms take the most colours there are, 256.
    """
    from PIL import Image  # matplotlib requires it; only pictures need it

    for artist in figure.findobj(lambda a: hasattr(a, "get_color") and hasattr(a, "set_color")):
        stands_for = to_hex(artist.get_color())  # type: ignore[attr-defined]
        if stands_for in _PRINTED:
            artist.set_color(_PRINTED[stands_for])  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=dots_per_inch,
        facecolor="white",
        transparent=False,
        metadata={"Software": None},
    )
    buffer.seek(0)
    small = io.BytesIO()
    reduced = Image.open(buffer).convert("RGB").quantize(colors=n_colours, dither=Image.Dither.NONE)
    reduced.save(small, format="PNG", optimize=True)
    return small.getvalue()
