"""w2vMOS (paper 004): quality from samples, by a wav2vec 2.0 that was trained without labels.

The last block averaged over time, and a linear layer. A body of transformers is handed in, so that
this module needs neither that package nor weights.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

QUIETEST = 1e-7
"""Added to the variance of samples in -1 to 1, so that silence stays silence (transformers')."""


class W2vMos(nn.Module):
    """Quality from a waveform.

    Parameters
    ----------
    body : Wav2Vec2Model
        Of transformers; it may have learned before. Its configuration masks nothing.
    """

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.wav2vec2 = body
        self.output = nn.Linear(body.config.hidden_size, 1)

    @property
    def body(self) -> nn.Module:
        """What may be pre-trained, under the name that transformers has for it."""
        body: nn.Module = self.wav2vec2
        return body

    def forward(self, samples: Tensor) -> Tensor:
        """Predict quality.

        Parameters
        ----------
        samples : Tensor of float32, shape (n, samples)
            Mono at 16 kHz, each row with a mean of 0 and a variance of 1.

        Returns
        -------
        Tensor of float32, shape (n,)
            Quality; nothing bounds it.
        """
        frames_ntw = self.wav2vec2(samples).last_hidden_state
        quality: Tensor = self.output(frames_ntw.mean(dim=1)).squeeze(1)
        return quality


class LevelW2vMos(W2vMos):
    """The same of stored waveforms, which it brings to a level first."""

    def forward(self, waveforms: Tensor) -> Tensor:
        """Predict quality (n,) of samples (n, samples, 1) in -1 to 1, at whatever level."""
        return super().forward(unit_variance(waveforms.flatten(1)))


def unit_variance(samples_ns: Tensor) -> Tensor:
    """Shift and scale each row of samples in -1 to 1 to a mean of 0 and a variance of 1."""
    centred_ns = samples_ns - samples_ns.mean(dim=1, keepdim=True)
    return centred_ns / (centred_ns.square().mean(dim=1, keepdim=True) + QUIETEST).sqrt()
