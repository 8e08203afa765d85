"""Labels over bitrate, codec by codec: the picture that shows whether a catalog is like music."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.labels.consistency import LabelRows, read_rows

COLOURS = {
    "mp2": "#7a4fa3",
    "mp3": "#c0392b",
    "adts": "#2f6db3",
    "ogg": "#2e8b57",
    "opus": "#d98e04",
    "lowpass": "#52606d",
}
Curves = Mapping[str, Mapping[float, Sequence[float]]]


def plot_label_curves(context: Context) -> bytes:
    """Draw the labels of a catalog's singles over bitrate and cut-off."""
    return plot_curves(read_curves(context))


def read_curves(context: Context) -> dict[str, dict[float, list[float]]]:
    """Collect the labels of the singles of one catalog."""
    return curves_of(read_rows(context))


def curves_of(rows: LabelRows) -> dict[str, dict[float, list[float]]]:
    """Sort the labels of singles by process and strength."""
    curves: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for i in np.flatnonzero(rows.kind == "single").tolist():
        curves[str(rows.name[i])][float(rows.strength[i])].append(float(rows.mos[i]))
    return {name: dict(curve) for name, curve in curves.items()}


def plot_curves(curves: Curves) -> bytes:
    """Draw medians over references, with the middle half as a band."""
    figure = Figure(figsize=(7.4, 3.4), layout="constrained", facecolor="white")
    codecs, filters = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    for name, colour in COLOURS.items():
        if name in curves:
            _draw(filters if name == "lowpass" else codecs, curves[name], name, colour)
    codecs.set_xscale("log", base=2)
    codecs.set_xticks([24, 32, 48, 64, 96, 128, 192, 320, 700], minor=False)
    codecs.xaxis.set_major_formatter("{x:.0f}")
    codecs.set_xlabel("bitrate, kbit/s")
    codecs.set_ylabel("ViSQOL MOS-LQO")
    filters.set_xlabel("low-pass cut-off, Hz")
    for axis in (codecs, filters):
        axis.set_ylim(1.0, 4.9)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        if axis.lines and axis is codecs:
            axis.legend(frameon=False, loc="lower right")
    n = max((len(values) for curve in curves.values() for values in curve.values()), default=0)
    codecs.set_title(f"median and middle half of {n} references", loc="left", fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def _draw(axis: Axes, curve: Mapping[float, Sequence[float]], name: str, colour: str) -> None:
    strengths = sorted(curve)
    low, middle, high = np.array([np.percentile(curve[s], [25, 50, 75]) for s in strengths]).T
    axis.fill_between(strengths, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.plot(strengths, middle, "o-", color=colour, markersize=4, label=name)
