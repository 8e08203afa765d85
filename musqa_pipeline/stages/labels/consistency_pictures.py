"""A picture of how far the metric tells strengths apart, and of cascades against their halves."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musqa_pipeline.stages.labels.consistency import MARGIN_MOS, CascadeSense, LabelSense, Step
from musqa_pipeline.stages.labels.pictures import COLOURS

SMALLEST_GAIN_MOS = 1e-4
"""Left end of the axis; smaller gains are drawn there, and reversals as black crosses."""


def plot_label_sense(sense: LabelSense) -> bytes:
    """Draw the gain of each step in bitrate or cut-off, and cascades against their worse half."""
    figure = Figure(figsize=(9.0, 6.2), layout="constrained", facecolor="white")
    gains, cascades = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_steps(gains, sense.steps)
    _draw_cascades(cascades, sense.cascades)
    for axis in (gains, cascades):
        axis.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def _draw_steps(axis: Axes, steps: tuple[Step, ...]) -> None:
    names = []
    for row, step in enumerate(steps):
        colour = "black" if step.gain_mos < 0.0 else COLOURS.get(step.name, "#52606d")
        low, at, high = (
            max(abs(value) if step.gain_mos < 0.0 else value, SMALLEST_GAIN_MOS)
            for value in (step.low_mos, step.gain_mos, step.high_mos)
        )
        axis.plot([low, high], [row, row], color=colour, linewidth=1.5)
        marker = "x" if step.gain_mos < 0.0 else "o"
        axis.plot([at], [row], marker, color=colour, markersize=4.5)
        unit = "Hz" if step.name == "lowpass" else "kbit/s"
        names.append(f"{step.name} {step.weaker:g} \u2192 {step.stronger:g} {unit}")
    axis.set_yticks(range(len(names)), names, fontsize=6.5)
    axis.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axis.set_xscale("log")
    axis.set_xlim(SMALLEST_GAIN_MOS * 0.8, 3.0)
    axis.grid(axis="x", alpha=0.25)
    axis.set_xlabel("mean gain in MOS-LQO, with 95 % interval (\u2264 0.0001 at the left end)")
    n = max((step.n_references for step in steps), default=0)
    axis.set_title(f"what a step up is worth, over {n} references", loc="left", fontsize=9)


def _draw_cascades(axis: Axes, cascades: CascadeSense) -> None:
    edges = np.linspace(-1.0, 0.5, 61)
    shown = np.clip(cascades.above_worse_mos, edges[0], edges[-1])
    axis.hist(shown, bins=edges.tolist(), color="#2f6db3", log=bool(len(shown)))
    axis.axvline(MARGIN_MOS, color="#c0392b", linewidth=1.0)
    axis.set_xlabel("cascade \u2212 worse of its halves, MOS-LQO")
    axis.set_ylabel("cascades")
    axis.set_title(
        f"{cascades.n:,} cascades,\n{100 * cascades.above_worse_frac:.2f} % more than "
        f"{MARGIN_MOS} above",
        loc="left",
        fontsize=9,
    )
