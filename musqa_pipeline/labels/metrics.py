"""The registries of full-reference metrics: those that label, and those that give a second opinion.

A metric is a class that takes one reference and scores many degraded versions of it, so that what
depends on the reference alone is computed once. A new metric is one class, its line in a registry
here and its columns in `COLUMNS`, and its name among those that `LabelsSettings.metric` or
`OpinionsSettings.metric` allows.
"""

from __future__ import annotations

from musqa_pipeline.labels.score import Metric, SecondMetric
from musqa_pipeline.labels.visqol import Reference
from musqa_pipeline.labels.zimtohrli import Zimtohrli

METRICS: dict[str, type[Metric]] = {
    "visqol": Reference,
}
"""Metrics that give the label, by the name that the preset uses."""

SECOND_OPINIONS: dict[str, type[SecondMetric]] = {
    "zimtohrli": Zimtohrli,
}
"""Metrics that judge the chosen rows once more, by the name that the preset uses."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "visqol": ("mos", "quality", "vnsim", "fvnsim", "lag_samples"),
    "zimtohrli": ("second_mos", "second_distance", "disagreement"),
}
"""Columns that each metric gives: of `labels`, or, for a second opinion, of `opinions`."""
