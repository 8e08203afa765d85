"""The page ``opinions.html``: second metrics beside the label; without opinions, no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from musqa_pipeline.stages.dataset.second_metric.stage import wants_opinions
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.examples import Example
from musqa_pipeline.stages.evaluation.gan.plots import matrix
from musqa_pipeline.stages.evaluation.gather_examples import made_examples
from musqa_pipeline.stages.evaluation.opinions.tables import (
    Slice,
    lowpasses_in_order,
    quarrels,
    read_judged,
    slices_of,
)
from musqa_pipeline.stages.evaluation.pages import page_figure, render_page
from musqa_pipeline.stages.evaluation.publish import place_page
from musqa_pipeline.stages.evaluation.report import PAGE_BYTES
from musqa_pipeline.stages.evaluation.report_parts import affordable

PAGE = "opinions.html"
_TEXT_BYTES = 200_000
"""Set aside for all that is no picture and no player."""


def publish_opinions_page(context: Context) -> str | None:
    """Write the page of a preset; nothing if it asks for no opinion, or there is none."""
    if not wants_opinions(context.preset):
        return None
    rows, names = read_judged(context)
    if rows.is_empty():
        return None
    settings = context.preset.evaluation
    chosen = quarrels(rows, names)
    examples = made_examples(context, [{**row, "said": {}, "worst_of": {}} for row in chosen])
    page = render_opinions(
        context.preset.name,
        names,
        slices_of(rows, names, settings),
        lowpasses_in_order(rows, names),
        [
            (example, {name: (row[name], row["rank"][name]) for name in names})
            for example, row in zip(examples, chosen, strict=True)
        ],
        confidence=settings.confidence,
    )
    return place_page(context, PAGE, page.encode())


def render_opinions(
    preset_name: str,
    names: Sequence[str],
    slices: Mapping[str, Sequence[Slice]],
    steps: Sequence[Mapping[str, Any]],
    disputed: Sequence[tuple[Example, Mapping[str, tuple[float, float]]]],
    *,
    confidence: float,
) -> str:
    """Make the page; of disputed rows each metric has its MOS and its rank in per cent."""
    fits = affordable([example for example, _ in disputed], PAGE_BYTES - _TEXT_BYTES)
    return render_page(
        "musqa_pipeline.stages.evaluation",
        "opinions.html.jinja",
        preset=preset_name,
        names=names,
        pairs=list(slices["all"][0].spearman),
        whole=slices["all"],
        more=[("By kind of degradation", slices["kind"]), ("By last codec", slices["codec"])],
        steps=steps,
        disputed=[(*each, fit) for each, fit in zip(disputed, fits, strict=True)],
        confidence=confidence,
        figures=[
            (one.title, page_figure(matrix, f"opinions-{number}", one.title,
                                    _square(names, one), names, names))
            for number, one in enumerate(slices["all"])
        ],
    )  # fmt: skip


def _square(names: Sequence[str], one: Slice) -> list[list[float | None]]:
    """Lay coefficients out as a matrix, both ways."""

    def value(row: str, column: str) -> float | None:
        pair = (row, column) if (row, column) in one.spearman else (column, row)
        return 1.0 if row == column else one.spearman[pair].value

    return [[value(row, column) for column in names] for row in names]
