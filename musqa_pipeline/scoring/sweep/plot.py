"""The picture of a sweep: quality over bitrate, ViSQOL and the model side by side."""

from __future__ import annotations

import re
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, ScalarFormatter

from musqa_pipeline.scoring.sweep.curves import METRICS, Mean, Step
from musqa_pipeline.scoring.sweep.sweep import Sweep
from musqa_pipeline.studies.figures import (
    MUTED,
    SERIES_PRINTED,
    house_style,
    new_figure,
    points_axes,
    to_png,
    to_svg,
)

LINES: dict[str, dict[str, Any]] = {
    "visqol": {"linestyle": "-", "marker": "o", "markersize": 4.5},
    "model": {"linestyle": (0, (4, 2)), "marker": "D", "markersize": 3.8},
}
DOTTED: dict[str, Any] = {"color": MUTED, "linewidth": 1, "linestyle": (0, (1, 2))}
"""The line of the references."""
TICKS_KBPS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
_PALETTE = """<style>
svg { color-scheme: light dark; font-family: system-ui, "DejaVu Sans", sans-serif;
  --ink: #1b2530; --muted: #5c6773; --grid: #dde2e8; --card: #ffffff; background: var(--card); }
@media (prefers-color-scheme: dark) { svg {
  --ink: #e6ebf0; --muted: #9aa6b2; --grid: #2b343e; --card: #1a2129; } }
</style>"""


def _figure(result: Sweep) -> Figure:
    """Draw a sweep, within `house_style`: a panel for the curves, the legend below."""
    steps = result.steps
    codecs = list(dict.fromkeys(step.codec for step in steps if step.codec))
    figure = new_figure(6.6, 4.7)
    axes = figure.subplots()
    points_axes(axes, x="coded bitrate, kbit/s (mono)", y="MOS-LQO")
    axes.set_xscale("log")
    for index, codec in enumerate(codecs):
        colour = SERIES_PRINTED[index % len(SERIES_PRINTED)]
        own = [step for step in steps if step.codec == codec]
        for metric in METRICS:
            _draw(axes, own, metric, colour)
    reference = next(step for step in steps if not step.codec)
    if reference.model:
        axes.axhline(reference.model.value, **DOTTED)
    rates = [step.bitrate_kbps for step in steps if step.bitrate_kbps]
    ticks = [kbps for kbps in TICKS_KBPS if min(rates) * 0.9 <= kbps <= max(rates) * 1.1]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0.9, 4.9)
    handles = [
        Line2D([], [], color=SERIES_PRINTED[i % len(SERIES_PRINTED)], linewidth=4, label=codec)
        for i, codec in enumerate(codecs)
    ]
    handles += [Line2D([], [], color=MUTED, label=name, **LINES[name]) for name in METRICS]
    if reference.model:
        handles.append(Line2D([], [], label="model on the references", **DOTTED))
    handles[len(codecs)].set_label("ViSQOL")
    figure.legend(handles=handles, loc="outside lower left", ncols=4)
    n = len(result.recordings)
    title = result.recordings[0] if n == 1 else f"mean of {n} recordings"
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def sweep_svg(result: Sweep) -> str:
    """Return the picture as an SVG file that follows the reader's light or dark scheme."""
    with house_style("sweep"):
        text = to_svg(_figure(result), _alternative(result))
    head, tail = text.split(">", 1)
    head = re.sub(r' style="[^"]*"', "", head)
    return f"{head}>{_PALETTE}{tail}\n"


def sweep_png(result: Sweep) -> bytes:
    """Return the picture as PNG on white."""
    with house_style("sweep"):
        return to_png(_figure(result))


def _draw(axes: Any, steps: list[Step], metric: str, colour: str) -> None:
    shown: list[tuple[float, Mean]] = []
    for step in steps:
        mean: Mean | None = getattr(step, metric)
        if mean is not None and step.bitrate_kbps is not None:
            shown.append((step.bitrate_kbps, mean))
    if not shown:
        return
    rates = [kbps for kbps, _ in shown]
    hollow = {"markerfacecolor": "none"} if metric == "model" else {}
    axes.plot(rates, [mean.value for _, mean in shown], color=colour, **LINES[metric], **hollow)
    if all(mean.low is not None for _, mean in shown):
        ends = [[mean.low for _, mean in shown], [mean.high for _, mean in shown]]
        axes.fill_between(rates, *ends, color=colour, alpha=0.14, linewidth=0)


def _alternative(result: Sweep) -> str:
    spans = []
    for codec in dict.fromkeys(step.codec for step in result.steps if step.codec):
        own = [step for step in result.steps if step.codec == codec and step.visqol]
        first, last = own[0], own[-1]
        assert first.visqol is not None
        assert last.visqol is not None
        spans.append(
            f"{codec} from {first.visqol.value:.2f} at {first.bitrate_kbps:.0f} kbit/s to "
            f"{last.visqol.value:.2f} at {last.bitrate_kbps:.0f}"
        )
    return "ViSQOL MOS-LQO over bitrate: " + "; ".join(spans)
