"""How second metrics and ViSQOL order the same rows: Spearman of each two, as on opinions.html."""

from __future__ import annotations

from gan_tables import number, table
from representation_evidence import Evidence

from musqa_pipeline.stages.dataset.second_metric.stage import wants_opinions
from musqa_pipeline.stages.evaluation.opinions.tables import read_judged, slices_of


def agreement_table(evidence: Evidence) -> str:
    """Correlate each two metrics over all rows, within references, by kind and by last codec."""
    context = evidence.context
    rows, names = read_judged(context) if wants_opinions(context.preset) else ([], [])
    if not len(rows):
        return "not run: the preset has no opinions"
    lines = []
    for slices in slices_of(rows, names, context.preset.evaluation).values():
        for one in slices:
            line = {"rows": one.title, "n": one.n_rows, "recordings": one.n_recordings}
            for (first, second), found in one.spearman.items():
                told = number(found.value, found.low, found.high)
                line[f"{first}, {second}"] = told
            lines.append(line)
    return table(lines)


FIGURES: dict = {}
TABLES = {"Metrics with each other": agreement_table}
