"""From the similarity of bands to MOS-LQO: ViSQOL's support-vector regression.

The model is the one that visqol-python ships: a nu-SVR with a Gaussian kernel over 32 bands.
"""

from __future__ import annotations

import functools
import importlib.metadata
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.core.errors import ToolError

MODEL_FILE = "visqol/model/libsvm_nu_svr_model.txt"
LEAST_VNSIM = 0.15
"""Signals less alike than this score 1, whatever the regression says."""


@dataclass(frozen=True, eq=False)
class SupportVectors:
    """A regression sum over i of c_i exp(-gamma |v_i - x|^2) - rho."""

    vectors: NDArray[np.float64]
    """Shape (vectors, bands)."""
    coefficients: tuple[float, ...]
    gamma: float
    rho: float

    def mos(self, fvnsim: NDArray[np.float64]) -> float:
        """Map the similarity of the bands, low to high, to a MOS-LQO in [1, 5].

        It is 1 where the mean over bands is below 0.15.
        """
        if float(np.mean(fvnsim)) < LEAST_VNSIM:
            return 1.0
        distances = np.square(self.vectors - fvnsim).sum(axis=1).tolist()
        # Summed exactly, so that no order of addition moves a table's bytes.
        total = math.fsum(
            c * math.exp(-self.gamma * d) for c, d in zip(self.coefficients, distances, strict=True)
        )
        return min(max(total - self.rho, 1.0), 5.0)


@functools.cache
def support_vectors() -> SupportVectors:
    """Read ViSQOL v3's model of audio mode from the installed visqol-python, once per process.

    `ToolError` if visqol-python is missing or its model file is not as expected.
    """
    # Found, not imported: the package would load numba's kernels of its own.
    try:
        found = importlib.metadata.distribution("visqol-python").locate_file(MODEL_FILE)
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolError(
            "ViSQOL's model is missing; install it with: pip install 'musqa-pipeline[label]'"
        ) from error
    path = Path(str(found))
    try:
        return _parse(path.read_text())
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"{path} cannot be used ({error}); install visqol-python again") from error


def _parse(text: str) -> SupportVectors:
    """Parse libsvm's text format."""
    head, _, body = text.partition("\nSV\n")
    keys = dict(line.split(" ", 1) for line in head.splitlines())
    if keys["svm_type"] != "nu_svr" or keys["kernel_type"] != "rbf":
        raise ValueError("expected a nu_svr with an rbf kernel")
    coefficients, vectors = [], []
    for line in body.splitlines():
        first, *entries = line.split()
        coefficients.append(float(first))
        vectors.append({int(k): float(v) for k, v in (e.split(":") for e in entries)})
    n_bands = max(max(vector) for vector in vectors)
    table = [[vector.get(band, 0.0) for band in range(1, n_bands + 1)] for vector in vectors]
    return SupportVectors(
        np.array(table), tuple(coefficients), float(keys["gamma"]), float(keys["rho"])
    )
