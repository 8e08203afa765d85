"""The registry of full-reference metrics.

A metric is a class that takes one reference and scores many degraded versions of it, so that what
depends on the reference alone is computed once. A new metric is one class and one line here, and
its name among those that `LabelsSettings.metric` allows.
"""

from __future__ import annotations

from musqa_pipeline.labels.score import Metric
from musqa_pipeline.labels.visqol import VisqolAudio

METRICS: dict[str, type[Metric]] = {
    "visqol": VisqolAudio,
}
"""Metrics by the name that the preset uses."""
