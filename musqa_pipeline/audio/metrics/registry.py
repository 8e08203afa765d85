"""The registries of full-reference metrics: those that label, and those that give a second opinion.

A metric is a class that takes one reference and scores many degraded versions of it, so that what
depends on the reference alone is computed once. A new metric is one class, its line in a registry
here, and its name among those that `LabelsSettings.metric` or `OpinionsSettings.metric` allows.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.metrics.score import Metric, SecondMetric
from musqa_pipeline.core.errors import SettingsError, ToolError


def _visqol(reference: NDArray[np.float32]) -> Metric:
    from musqa_pipeline.audio.metrics.visqol import Reference  # it loads a compiler

    return Reference(reference)


METRICS: dict[str, Callable[[NDArray[np.float32]], Metric]] = {
    "visqol": _visqol,
}
"""Metrics that give the label, by the name that the preset uses."""

SECOND_OPINIONS = {
    "zimtohrli": "zimtohrli:Zimtohrli",
    "nlpd": "perceptual.opinions:NlpdOpinion",
    "ms_ssim": "perceptual.opinions:MsSsimOpinion",
    "log_mel_mse": "perceptual.opinions:LogMelOpinion",
}
"""Metrics that judge the chosen rows once more, by the name that the preset uses: where each class
is, as some import torch."""


def find_opinion(name: str) -> type[SecondMetric]:
    """Return a metric of `SECOND_OPINIONS`.

    Raises
    ------
    ToolError
        If it needs torch, and that is not installed.
    """
    module, kind = SECOND_OPINIONS[name].split(":")
    try:
        found = import_module(f"musqa_pipeline.audio.metrics.{module}")
    except ImportError as error:
        raise ToolError(
            f"the second opinion {name} needs {error.name}; install it with pip install "
            f"{error.name}, or ask for none"
        ) from error
    metric: type[SecondMetric] = getattr(found, kind)
    return metric


def open_metric(reference: NDArray[np.float32], *, metric: str, device: str) -> Metric:
    """Bind the metric of a preset to a reference, mono at 48 kHz.

    Raises
    ------
    SettingsError
        If the device cannot be used, or not by this metric.
    """
    if device == "cpu":
        return METRICS[metric](reference)
    if metric != "visqol":
        raise SettingsError(
            f"[labels] device={device!r} with metric={metric!r}: only visqol is computed there; "
            'set device = "cpu"'
        )
    from musqa_pipeline.audio.metrics.visqol.torch_batch import TorchReference  # imports torch

    return TorchReference(reference, device=device)
