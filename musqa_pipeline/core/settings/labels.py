"""Settings of stage 4."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section


@dataclass(frozen=True, kw_only=True)
class LabelsSettings(Section):
    """How degraded excerpts are scored; the preset section ``[labels]``."""

    metric: Literal["visqol"] = "visqol"
    """Full-reference metric, a name of the metric registry; its MOS-LQO is the label."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where scores are computed: on the CPU, or in batches on a CUDA device, which gives the same
    to 1e-9 but not to the last digit."""
