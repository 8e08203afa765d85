"""The paper's network with one-dimensional convolutions (paper 001, table III).

Time is the length and mel bands are the channels, as in the Keras layer ``Conv1D``. Tensor names
end in axis letters: N image, T time, C channel or mel band.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

DROPOUT_RATE = 0.01
"""Paper 001, table III."""
N_FLAT = 230 * 256
"""Values behind the last pooling: 230 frames of 256 channels."""
LACKS_AVX512 = not torch.backends.cpu.get_cpu_capability().startswith("AVX512")
"""There oneDNN's gradient of the first layer's filters is slow."""


class TimeConvolution(nn.Conv1d):
    """A one-dimensional convolution over time that keeps channels innermost in memory.

    Images arrive as (N, T, C), so that ``transpose(1, 2)`` gives (N, C, T) with channels innermost
    and no copy. torch's own `Conv1d` reorders that at every layer; the same sum as a convolution
    over (1, T) keeps it. Where it trains in float32 on a CPU without AVX-512, products of matrices
    make the gradient of the filters: with AVX2 a training step of table III takes 2.0 s instead of
    torch's 2.7 s (batch of 64, one core). With AVX-512 torch's own takes 1.4 s, and they 1.7 s.
    """

    def forward(self, x_nct: Tensor) -> Tensor:
        """Convolve (N, C, T); the result is shorter by the length of the filter minus one."""
        learns = torch.is_grad_enabled() and self.weight.requires_grad
        in_float32 = x_nct.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        if learns and in_float32 and LACKS_AVX512:
            y: Tensor = _ConvolutionOnCpu.apply(x_nct, self.weight, self.bias)
            return y
        return _convolve(x_nct, self.weight, self.bias)


def _convolve(x_nct: Tensor, weight_ock: Tensor, bias_o: Tensor | None) -> Tensor:
    y = functional.conv2d(x_nct.unsqueeze(2), weight_ock.unsqueeze(2), bias_o)
    return y.squeeze(2)


class _ConvolutionOnCpu(torch.autograd.Function):
    """`_convolve` whose filters have their gradient by `filter_gradient`."""

    @staticmethod
    def forward(ctx: Any, x_nct: Tensor, weight_ock: Tensor, bias_o: Tensor) -> Tensor:
        ctx.save_for_backward(x_nct, weight_ock)
        return _convolve(x_nct, weight_ock, bias_o)

    @staticmethod
    def backward(ctx: Any, grad_not: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x_nct, weight_ock = ctx.saved_tensors
        grad_x_nct = None
        if ctx.needs_input_grad[0]:
            grad_x_nct = conv2d_input(
                x_nct.unsqueeze(2).shape, weight_ock.unsqueeze(2), grad_not.unsqueeze(2)
            ).squeeze(2)
        grad_ock = filter_gradient(x_nct, grad_not, weight_ock.shape[2])
        return grad_x_nct, grad_ock, grad_not.sum(dim=(0, 2))


def filter_gradient(x_nct: Tensor, grad_not: Tensor, length: int) -> Tensor:
    """Return the gradient (O, C, K) of filters of a length, of inputs and the outputs' gradient.

    One product of matrices an image, with windows of whichever side has fewer channels.
    """
    n_in, n_out = x_nct.shape[1], grad_not.shape[1]
    if n_in <= n_out:
        total = x_nct.new_zeros(length * n_in, n_out)
        for x_ct, grad_ot in zip(x_nct, grad_not, strict=True):
            total.addmm_(_windows(x_ct.T, length).T, grad_ot.T)
        return total.view(length, n_in, n_out).permute(2, 1, 0)
    total = x_nct.new_zeros(n_in, length * n_out)
    for x_ct, grad_ot in zip(x_nct, grad_not, strict=True):
        padded_to = functional.pad(grad_ot.T, (0, 0, length - 1, length - 1))
        total.addmm_(x_ct, _windows(padded_to, length))
    # An input meets the last weight of the filter first.
    return total.view(n_in, length, n_out).flip(1).permute(2, 0, 1)


def _windows(rows_tc: Tensor, length: int) -> Tensor:
    """Return the stretches of so many rows, one after the other, each as one row."""
    return rows_tc.unfold(0, length, 1).transpose(1, 2).flatten(1)


class TimePooling(nn.Module):
    """The larger of each two neighbours in time; an odd last frame is dropped, as in Keras."""

    def forward(self, x_nct: Tensor) -> Tensor:
        """Halve the time axis of (N, C, T)."""
        return functional.max_pool2d(x_nct.unsqueeze(2), (1, 2)).squeeze(2)


class Cnn1d(nn.Module):
    """Table III: three convolutions with ReLU, three linear dense layers, 15,442,881 parameters.

    Dropout follows the first two poolings and the first dense layer; the paper's text puts one
    behind every convolution, its table none behind the third, and the table is what is built.
    The dense layers are linear, as the paper says ("performed a linear regression").
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = TimeConvolution(256, 64, 11)
        self.pool1 = TimePooling()
        self.dropout1 = nn.Dropout(DROPOUT_RATE)
        self.conv2 = TimeConvolution(64, 128, 7)
        self.pool2 = TimePooling()
        self.dropout2 = nn.Dropout(DROPOUT_RATE)
        self.conv3 = TimeConvolution(128, 256, 3)
        self.pool3 = TimePooling()
        self.dense1 = nn.Linear(N_FLAT, 256)
        self.dropout3 = nn.Dropout(DROPOUT_RATE)
        self.dense2 = nn.Linear(256, 128)
        self.dense3 = nn.Linear(128, 1)
        self.apply(start_like_keras)

    def forward(self, images_ntc: Tensor) -> Tensor:
        """Predict quality, shape (n,), of mel images (n, 1876, 256) in 0-1.

        It is not clipped, because a clipped output would teach nothing above 1.
        """
        x_nct = images_ntc.transpose(1, 2)
        x_nct = self.dropout1(self.pool1(torch.relu(self.conv1(x_nct))))
        x_nct = self.dropout2(self.pool2(torch.relu(self.conv2(x_nct))))
        x_nct = self.pool3(torch.relu(self.conv3(x_nct)))
        # Time-major like Keras' Flatten: value index = frame * 256 + channel. So weights trained
        # in Keras need a transpose and nothing else.
        x_nf = x_nct.transpose(1, 2).flatten(1)
        return self.dense3(self.dense2(self.dropout3(self.dense1(x_nf)))).squeeze(1)


class Cnn1dReversed(Cnn1d):
    """The same network for images in which time runs backwards.

    So the authors' released networks see music: their code turns spectrograms with ``rot90``. It
    takes images as all others do, and turns them itself.
    """

    def forward(self, images_ntc: Tensor) -> Tensor:
        """Predict quality of (n, 1876, 256), turned round in time."""
        return super().forward(images_ntc.flip(1))


def start_like_keras(layer: nn.Module) -> None:
    """Draw Glorot-uniform weights and zero biases of a convolution or a dense layer.

    The paper trained in TensorFlow, whose layers start so. torch's own start is narrower (uniform
    up to 1/sqrt(fan_in)) with random biases, and would make another training of it.
    """
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
