"""A network as one ONNX file that the scorer runs: image in, distribution and distance out."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.bands import band_image
from musqa_pipeline.core.errors import ModelError, StageError
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.networks.musqa_net import MusqaNet
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.release.model.domain import Domain, DomainDistance, Scale
from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.scoring.model_record import FORMAT, METADATA_KEY
from musqa_pipeline.scoring.model_seal import ANSWERS, as_stored, check_image, sealed
from musqa_pipeline.scoring.onnx_file import IMAGE_SHAPE

OPSET = 17
LARGEST_CELL = 255.0
LARGEST_DIFFERENCE = 1e-4
"""Between the answers of torch and of onnxruntime."""


class ScoringNetwork(nn.Module):
    """What the scorer runs: networks that answer side by side, and how far the image is."""

    def __init__(
        self, networks: Sequence[MusqaNet], domain: tuple[Domain, Scale] | None = None
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.distance = None if domain is None else DomainDistance(*domain)

    def forward(self, image_nsx: Tensor) -> tuple[Tensor, Tensor]:
        """Answer for band images of uint8: probability (n, 40), distance (n,)."""
        cells_nsx = image_nsx.to(torch.float32) / LARGEST_CELL
        answers = [network.distribution(cells_nsx) for network in self._all()]
        probability = torch.stack(answers).mean(dim=0)
        summed_up_ncb = self._all()[0].summed_up(cells_nsx)
        if self.distance is None:
            # Not a constant, as an output of its own would not follow the batch.
            return probability, summed_up_ncb.flatten(1).sum(dim=1) * 0
        return probability, self.distance(summed_up_ncb)

    def steps(self) -> list[float]:
        """Return the qualities that the probabilities are of."""
        return [float(step) for step in self._all()[0].step_q]

    def _all(self) -> list[MusqaNet]:
        return [network for network in self.networks if isinstance(network, MusqaNet)]


def export_run(run: Path, out: Path, *, name: str, version: str) -> float:
    """Make a model file of one training, without calibration and without a distance."""
    network = load_model(run)
    if not isinstance(network, MusqaNet):
        raise StageError(
            f"{run} is a training of {type(network).__name__}; the scorer needs a distribution of "
            "quality, which musqa_net says"
        )
    scoring = ScoringNetwork([network])
    record = {"name": name, "version": version, "network": "musqa_net"}
    card = f"# {name} {version}\n\nExported from a training; not calibrated.\n"
    write_model(scoring, {**record, "calibration": None, "domain": None, "card": card}, out)
    return checked_difference(scoring, out, _made_up_images())


def checked_difference(scoring: ScoringNetwork, path: Path, images: NDArray[np.uint8]) -> float:
    """Compare a model file with the network that it was made of."""
    model, difference = ModelFile(path), 0.0
    for image in images:
        answer = model.answer(image)
        with torch.inference_mode():
            probability, distance = scoring(torch.from_numpy(image[None]))
        off = np.abs(answer.probability - probability[0].numpy()).max()
        far = float(distance[0])
        found = (float(off), abs(answer.distance - far) / max(1.0, far))
        difference = float(np.max([difference, *found]))  # Python's max would leave NaN out
    if not difference <= LARGEST_DIFFERENCE:
        raise StageError(
            f"{path}: onnxruntime and torch differ by {difference:.2g}, at most "
            f"{LARGEST_DIFFERENCE:g} is fine; report it with the versions of both"
        )
    return difference


def _made_up_images() -> NDArray[np.uint8]:
    """Band images of decaying noise with an upper edge, which need no recording."""
    generator = derive_generator("release.export", "images")
    time = np.arange(EXCERPT_SAMPLES) / SAMPLE_RATE_HZ
    images = []
    for edge_hz in (3_000, 8_000, 16_000, 24_000):
        spectrum = np.fft.rfft(generator.standard_normal(EXCERPT_SAMPLES))
        spectrum[np.fft.rfftfreq(EXCERPT_SAMPLES, 1 / SAMPLE_RATE_HZ) > edge_hz] = 0
        noise = np.fft.irfft(spectrum, EXCERPT_SAMPLES)
        images.append(band_image(0.1 * noise * np.exp(-3 * (time % 0.5))))
    return np.stack(images)


def write_model(scoring: ScoringNetwork, record: Mapping[str, Any], path: Path) -> None:
    """Write a model file, or nothing if the network cannot score."""
    try:
        import onnx
    except ImportError as error:
        raise StageError(
            "the package onnx is missing; install it with pip install 'musqa-pipeline[factory]'"
        ) from error
    image = torch.zeros(IMAGE_SHAPE, dtype=torch.uint8)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        tempfile.TemporaryDirectory(prefix="musqa-") as folder,
    ):
        warnings.simplefilter("ignore")  # of the exporter that needs no further package
        torch.onnx.export(
            scoring.eval(),
            (image,),
            Path(folder) / "model.onnx",
            input_names=["image"],
            output_names=["probability", "distance"],
            opset_version=OPSET,
            dynamo=False,
        )
        model = onnx.load(Path(folder) / "model.onnx")
        for node in model.graph.node:
            node.doc_string = ""  # it holds paths of this machine
        entry = model.metadata_props.add()
        entry.key = METADATA_KEY
        whole = {"format": FORMAT, "step_quality": scoring.steps(), **record}
        entry.value = _json(whole)
        draft = Path(folder) / "draft.onnx"
        draft.write_bytes(model.SerializeToString(deterministic=True))
        try:
            said = ModelFile(draft).answer(check_image())
        except ModelError as error:
            reason = str(error).replace(f"{draft}: ", "").replace(f"{draft} ", "")
            raise StageError(
                f"{path.name} is not written: it {reason.partition(';')[0]}; train the network "
                "again, or name it otherwise"
            ) from error
    entry.value = _json({**whole, ANSWERS: as_stored(said.probability, said.distance)})
    onnx.checker.check_model(model, full_check=True)
    write_whole(path, sealed(model.SerializeToString(deterministic=True)))


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=False)
