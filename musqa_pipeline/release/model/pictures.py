"""The pictures of a release: how its intervals hold, and its ladders beside the labels'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from musqa_pipeline.release.model.calibration import Evidence, Floats
from musqa_pipeline.studies.figures import (
    INK,
    MUTED,
    SERIES_PRINTED,
    house_style,
    new_figure,
    to_png,
)

BLUE, ORANGE, GREEN, RED = SERIES_PRINTED[:4]


def intervals_png(
    evidence: Evidence, low: Floats, high: Floats, coverage: Mapping[str, Any]
) -> bytes:
    """Plot labels with their intervals over predictions, and coverage by part."""
    with house_style("intervals"):
        figure = new_figure(9.2, 3.9)
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
        order = np.argsort(evidence.mean, kind="stable")
        low_mos, mean, high_mos, label = (
            1 + 4 * values[order] for values in (low, evidence.mean, high, evidence.quality)
        )
        inside = (label >= low_mos - 1e-3) & (label <= high_mos + 1e-3)
        left.vlines(mean, low_mos, high_mos, color=BLUE, alpha=0.06, linewidth=1.2, rasterized=True)
        for mask, colour, word in ((inside, INK, "within"), (~inside, RED, "outside")):
            left.scatter(
                mean[mask], label[mask], s=4, color=colour, alpha=0.5, linewidths=0,
                label=f"label {word} its interval", rasterized=True,
            )  # fmt: skip
        left.plot([1, 4.73], [1, 4.73], color=MUTED, linewidth=0.8)
        left.set(xlabel="predicted MOS", ylabel="label (ViSQOL MOS-LQO)", title="Unmet recordings")
        left.legend(loc="upper left", markerscale=3, frameon=False, fontsize=8)
        _coverage_bars(right, coverage)
        return to_png(figure)


def _coverage_bars(axes: Any, coverage: Mapping[str, Any]) -> None:
    rows = [*coverage["by_quality"], *coverage["by_distance"]]
    places = np.arange(len(rows))[::-1]
    axes.axvline(0.9, color=MUTED, linewidth=0.9)
    for place, row in zip(places, rows, strict=True):
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color=BLUE, linewidth=2)
        axes.plot([row["share"]], [place], "o", color=BLUE, markersize=5)
    axes.set_yticks(
        places,
        [f"{row['what']} ({row['n_recordings']}), ±{row['half_width_mos']:.2f}" for row in rows],
    )
    axes.set(xlim=(0.5, 1.01), xlabel="covered (each recording one vote)", title="90 % intervals")


def lowpass_png(points: list[dict[str, Any]]) -> bytes:
    """Plot scores, labels and listeners over the cut-off of a low-pass."""
    with house_style("lowpass"):
        figure = new_figure(6.4, 3.8)
        axes = figure.subplots()
        at = [point["cutoff_hz"] / 1_000 for point in points]
        for key, colour, name in (
            ("predicted_mos", BLUE, "musqa-net, predicted MOS"),
            ("label_mos", ORANGE, "its label: ViSQOL with the reference"),
        ):
            axes.plot(at, [p[key] for p in points], "o-", color=colour, label=name, markersize=4)
        axes.set(xlabel="low-pass, kHz (24: untouched)", ylabel="MOS-LQO", ylim=(1, 5))
        beside = axes.twinx()
        heard = [p for p in points if p["mushra"] is not None]
        beside.plot(
            [p["cutoff_hz"] / 1_000 for p in heard], [p["mushra"] for p in heard], "s--",
            color=GREEN, label="listeners of ODAQ, mean MUSHRA (other music)", markersize=4,
        )  # fmt: skip
        beside.set(ylabel="MUSHRA, 0-100", ylim=(0, 100))
        beside.spines["right"].set_visible(True)
        beside.grid(visible=False)
        lines = [*axes.get_lines(), *beside.get_lines()]
        axes.legend(lines, [str(x.get_label()) for x in lines], loc="lower right", frameon=False)
        return to_png(figure)


def codecs_png(codecs: Mapping[str, list[dict[str, Any]]]) -> bytes:
    """Plot scores and labels over the bitrate, a panel a codec."""
    with house_style("codecs"):
        n = max(1, len(codecs))
        n_columns = min(3, n)
        n_rows = -(-n // n_columns)
        figure: Figure = new_figure(3.1 * n_columns, 2.4 * n_rows)
        panels = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
        for axes, (codec, points) in zip(panels, codecs.items(), strict=False):
            rates = [point["bitrate_kbps"] for point in points]
            for key, colour, name in (
                ("predicted_mos", BLUE, "predicted"), ("label_mos", ORANGE, "label"),
            ):  # fmt: skip
                axes.plot(rates, [p[key] for p in points], "o-", color=colour, label=name, ms=3.5)
            axes.set(title=codec, xscale="log", ylim=(1, 5))
            ticks = [rate for rate in (32, 64, 128, 256, 512) if min(rates) <= rate <= max(rates)]
            axes.set_xticks(ticks, [str(rate) for rate in ticks])
            axes.minorticks_off()
        panels[0].legend(loc="lower right", frameon=False)
        for axes in panels[len(codecs) :]:
            axes.set_visible(False)
        figure.supxlabel("kbit/s", fontsize=9.5)
        figure.supylabel("MOS-LQO", fontsize=9.5)
        return to_png(figure)
