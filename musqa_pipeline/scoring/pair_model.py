"""The model file of a pair: the intrusive network as ONNX, and which one is shipped.

Input `pair` is an image of `pair_image`, float32 (1, frames, 64) of any number of frames from
`MIN_FRAMES` on, output `quality` float32 (1,), (mos - 1) / 4 and not clipped. The metadata hold the
record, and a seal ends the file, as those of the other models (`model_file.py`).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.gammatone_bands import N_BANDS, N_FRAMES
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.scoring import model_record, onnx_file
from musqa_pipeline.scoring.opened_model import OpenedModel

SHIPPED_PAIRS = Path(__file__).parent / "model" / "insenet.onnx"
PORTS: dict[str, tuple[str, tuple[int | str, ...]]] = {
    "pair": ("tensor(float)", (1, "frames", 2 * N_BANDS)),
    "quality": ("tensor(float)", (1,)),
}


class PairModel(OpenedModel):
    """A checked model of pairs, ready to answer.

    Parameters
    ----------
    path : Path
        The ONNX file.
    device : str
        ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"auto"``.

    Raises
    ------
    ModelError
        If it cannot be read, is damaged, no ONNX or no model of pairs in this format, or does not
        answer `check_pair` as it should.
    SettingsError
        If onnxruntime has no such device.
    """

    def __init__(self, path: Path, *, device: str = "cpu") -> None:
        super().__init__(path, device=device)
        onnx_file.check_ports(self._session, PORTS, path)
        self._check_answers(lambda: said_of_check_pair(self))

    def quality(self, image: NDArray[np.float32]) -> float:
        """Predict the quality of one pair, (mos - 1) / 4 and not clipped.

        Parameters
        ----------
        image : ndarray of float32, shape (frames, 2 * N_BANDS)
            From `pair_image`.

        Returns
        -------
        float
            Finite.

        Raises
        ------
        UnfitInputError
            If the model fails, or its answer is no number.
        """
        (answer,) = self._ask({"pair": image[None]}, ["quality"])
        quality = float(answer[0])
        if not math.isfinite(quality):
            raise self._no_answer(f"says a quality of {quality:g}")
        return quality

    def _check_file(self) -> None:
        if self.path == SHIPPED_PAIRS and not self.sealed:
            raise ModelError(
                f"{self.path} is not as it was shipped: it has no seal; install musqa again, or "
                "name your model with --model"
            )

    def _read_record(self) -> None:
        if self.record.get("network") != model_record.PAIR_NETWORK:
            raise model_record.RecordError(
                "it is no model of pairs; musqa model export makes one of a run of "
                f"{model_record.PAIR_NETWORK}"
            )


def check_pair() -> NDArray[np.float32]:
    """Return the image, float32 (125, 64), that every model is asked about when made and opened.

    The reference is somewhat like music, a falling spectrum; the degraded signal loses its upper
    bands. It is of integers over 256, so that it is the same everywhere.
    """
    frame, band = np.arange(N_FRAMES)[:, None], np.arange(N_BANDS)[None]
    reference = 200 - 3 * band - 15 * (7 * frame % 5) - (5 * frame + 3 * band) % 23
    degraded = reference - 90 * (band > 20) - (frame + band) % 7
    levels = np.concatenate((reference, degraded), axis=1)
    return (np.clip(levels, 0, 255) / 256).astype(np.float32)


def said_of_check_pair(model: PairModel) -> dict[str, Any]:
    """Return what a model says of `check_pair`, as a record holds it."""
    return {"quality": model.quality(check_pair())}
