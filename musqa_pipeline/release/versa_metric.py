"""The scorer as a metric of VERSA, a toolkit of metrics of speech and audio.

It needs VERSA, which is installed from its repository, and nothing of the factory.

.. [1] J. Shi et al., VERSA: a versatile evaluation toolkit for speech, audio, and music, NAACL
   2025 (system demonstrations), https://arxiv.org/abs/2412.17667.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from versa.definition import (
    BaseMetric,
    MetricCategory,
    MetricMetadata,
    MetricRegistry,
    MetricType,
)

from musqa_pipeline.scoring.scorer import Scorer

NAME = "musqa"
METADATA = MetricMetadata(
    name=NAME,
    category=MetricCategory.INDEPENDENT,
    metric_type=MetricType.DICT,
    requires_reference=False,
    requires_text=False,
    gpu_compatible=False,
    auto_install=False,
    dependencies=["musqa_pipeline"],
    description="Predicted ViSQOL MOS-LQO of music, with no reference, and its 90 % interval",
)


class MusqaMetric(BaseMetric):
    """Predicted MOS-LQO of a recording, with no reference.

    Parameters
    ----------
    config : dict, optional
        An entry of VERSA's `score_config`; its `model` is the path of a model, as of `Scorer`.

    Raises
    ------
    ModelError
        If there is no such model, or the file is none.
    """

    def _setup(self) -> None:
        self._scorer = Scorer(self.config.get("model"), detect=False)

    def compute(
        self,
        predictions: ArrayLike,
        references: Any = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, float | str | None]:
        """Score a recording.

        Parameters
        ----------
        predictions : array of float, shape (samples,), (samples, channels) or (channels, samples)
            Full scale 1.0, at least 3 s, better 10.
        references : object
            Not looked at.
        metadata : mapping
            With `sample_rate`, in Hz.

        Returns
        -------
        dict
            `musqa_mos`, `musqa_mos_low` and `musqa_mos_high`, 1 to 4.73, or None of each, and then
            `musqa_abstained` says why in one word.

        Raises
        ------
        ValueError
            If no sample rate is given: a wrong one would be another band.
        UnfitInputError
            If it is no recording.
        """
        if not metadata or "sample_rate" not in metadata:
            raise ValueError("musqa: no sample rate; give metadata={'sample_rate': 48000}")
        score = self._scorer.score(np.asarray(predictions), int(metadata["sample_rate"]))
        return {
            "musqa_mos": score.mos,
            "musqa_mos_low": score.mos_low,
            "musqa_mos_high": score.mos_high,
            "musqa_abstained": score.abstained,
        }

    def get_metadata(self) -> MetricMetadata:
        """Return what VERSA lists of this metric."""
        return METADATA


def register_musqa_metric(registry: MetricRegistry) -> None:
    """Make `musqa` a metric of a registry of VERSA.

    Parameters
    ----------
    registry : versa.definition.MetricRegistry
        As `versa.scorer_shared.VersaScorer` takes it.
    """
    registry.register(MusqaMetric, METADATA, aliases=["musqa_mos"])
