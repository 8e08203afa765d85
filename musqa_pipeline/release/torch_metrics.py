"""The scorer as a metric of torchmetrics: mean scores of batches, while something trains.

It needs the extra `[torchmetrics]`, and nothing of the factory.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede torchmetrics
from musqa_pipeline.scoring.scorer import Scorer

# isort: split
from torchmetrics import Metric


class MusicQuality(Metric):
    """Mean predicted MOS-LQO of recordings, with no reference.

    Recordings to which the scorer has no answer (silence, speech, less than 3 s) are counted in
    `n_withheld` and in no mean. Scores are made on the CPU and have no gradient.

    Parameters
    ----------
    sample_rate_hz : int
        Of all that is given to `update`.
    model : str, optional
        Path of a model, as of `Scorer`; the user's choice or the shipped one when left out.
    **kwargs
        Of `torchmetrics.Metric`.

    Raises
    ------
    ModelError
        If there is no such model, or the file is none.

    Examples
    --------
    >>> import torch
    >>> quality = MusicQuality(48_000)
    >>> quality.update(torch.zeros(2, 1, 192_000))
    >>> int(quality.n_scored), int(quality.n_withheld)
    (0, 2)
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    total_mos: Tensor
    n_scored: Tensor
    n_withheld: Tensor

    def __init__(self, sample_rate_hz: int, model: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sample_rate_hz = sample_rate_hz
        self._scorer: Scorer | None = Scorer(model, detect=False)
        self._model = model
        zero = torch.zeros((), dtype=torch.float64)
        self.add_state("total_mos", zero, dist_reduce_fx="sum")
        self.add_state("n_scored", zero.long(), dist_reduce_fx="sum")
        self.add_state("n_withheld", zero.long(), dist_reduce_fx="sum")

    def update(self, preds: Tensor) -> None:
        """Score recordings.

        Parameters
        ----------
        preds : Tensor of float, shape (batch, channels, samples), (batch, samples) or (samples,)
            Full scale 1.0, at least 3 s, better 10.

        Raises
        ------
        UnfitInputError
            If the shape is another, or a recording is none; none of the batch is counted then.
        """
        if not 1 <= preds.ndim <= 3:
            raise UnfitInputError(
                "odd_format",
                f"shape={tuple(preds.shape)}",
                "give it (batch, channels, samples), (batch, samples) or (samples,)",
            )
        if self._scorer is None:  # it was copied or sent to another process
            self._scorer = Scorer(self._model, detect=False)
        batch = preds if preds.ndim > 1 else preds.unsqueeze(0)
        found = [score.mos for score in self._scorer.score_batch(batch, self.sample_rate_hz)]
        known = [mos for mos in found if mos is not None]
        self.total_mos += math.fsum(known)
        self.n_scored += len(known)
        self.n_withheld += len(found) - len(known)

    def compute(self) -> Tensor:
        """Return the mean MOS-LQO, 1 to 4.73; NaN if no recording had a score."""
        return self.total_mos / self.n_scored

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the scorer, which opens its model again."""
        return {**super().__getstate__(), "_scorer": None}
