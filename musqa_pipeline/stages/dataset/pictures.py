"""The histogram of quality before and after the draw, for the UI and the report."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from musqa_pipeline.stages.dataset.report import DatasetReport, describe_dataset
from musqa_pipeline.stages.dataset.uniformity import ALL_PARTS
from musqa_pipeline.stages.engine.context import Context

BEFORE, AFTER, INK = "#9aa5b1", "#2f6db3", "#1f2933"


def plot_draw(context: Context) -> bytes:
    """Draw the stored dataset's histograms."""
    return plot_report(describe_dataset(context))


def plot_report(report: DatasetReport) -> bytes:
    """Draw one column a part: candidates above, rows drawn below."""
    parts = [p for p in report.parts if p.part != ALL_PARTS]
    figure = Figure(figsize=(3.2 * len(parts) + 0.6, 4.4), layout="constrained", facecolor="white")
    grid = figure.subplots(2, len(parts), sharex=True, squeeze=False)
    for column, part in enumerate(parts):
        rows = (
            (part.before, BEFORE, part.n_before, part.evenness_before, "candidates"),
            (part.after, AFTER, part.n_after, part.evenness, "drawn"),
        )
        for axis, (counts, colour, total, even, what) in zip(grid[:, column], rows, strict=True):
            # Quality x 100, the scale on which the paper and the report print.
            edges = [100 * edge for edge in part.edges]
            axis.stairs(counts, edges, fill=True, color=colour)
            name = f"{part.part}: " if what == "candidates" else ""
            axis.set_title(
                f"{name}{total:,} {what}, evenness {even:.2f}", fontsize=9, color=INK, loc="left"
            )
            axis.spines[["top", "right"]].set_visible(False)
            axis.tick_params(labelsize=8, colors=INK)
            axis.set_ylim(bottom=0)
        grid[1, column].set_xlabel("quality, (MOS − 1) × 25", fontsize=8, color=INK)
    for axis in grid[:, 0]:
        axis.set_ylabel("excerpts", fontsize=8, color=INK)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=90, metadata={"Software": None})
    return png.getvalue()
