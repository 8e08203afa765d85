"""A network as one ONNX file that the scorer runs: image in, distribution and distance out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.bands import band_image
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.networks.boosted_trees import BoostedTrees, mixed
from musqa_pipeline.learning.networks.insenet import InseNet
from musqa_pipeline.learning.networks.musqa_net import MusqaNet, heard_statistics
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.release.model.domain import Domain, DomainDistance, Scale
from musqa_pipeline.release.model.export_file import require_equal, write_onnx
from musqa_pipeline.release.model.export_pairs import write_pair_model
from musqa_pipeline.scoring.model_file import DESCRIPTIVE_FEATURES, ModelFile, features_of
from musqa_pipeline.scoring.model_seal import as_stored, check_image
from musqa_pipeline.scoring.onnx_file import IMAGE_SHAPE

LARGEST_CELL = 255.0


class ScoringNetwork(nn.Module):
    """What the scorer runs: networks that answer side by side, and how far the image is.

    With trees, which see the descriptive features of the image, these are a second input; they have
    a weight in the answer.
    """

    def __init__(
        self,
        networks: Sequence[MusqaNet],
        domain: tuple[Domain, Scale] | None = None,
        trees: Sequence[BoostedTrees] = (),
        weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.networks, self.trees = nn.ModuleList(networks), nn.ModuleList(trees)
        self.weight = weight
        self.distance = None if domain is None else DomainDistance(*domain)

    def forward(
        self, image_nsx: Tensor, features_nf: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Answer for band images of uint8: probability (n, 40), distance (n,)."""
        cells_nsx = image_nsx.to(torch.float32) / LARGEST_CELL
        answers = [network.distribution(cells_nsx) for network in self._all()]
        probability = torch.stack(answers).mean(dim=0)
        if features_nf is not None:
            quality_n = torch.stack([trees(features_nf) for trees in self.trees]).mean(dim=0)
            step_q = self._all()[0].step_q
            probability = mixed(probability, quality_n, step_q, self.weight)
        summed_up_ncb = heard_statistics(cells_nsx)
        if self.distance is None:
            # Not a constant, as an output of its own would not follow the batch.
            return probability, summed_up_ncb.flatten(1).sum(dim=1) * 0
        return probability, self.distance(summed_up_ncb)

    def inputs(self, images: NDArray[np.uint8]) -> tuple[Tensor, ...]:
        """Return what `forward` takes for band images, shape (n, 31, 1024)."""
        seen = (torch.from_numpy(images),)
        if not len(self.trees):
            return seen
        return *seen, torch.from_numpy(np.stack([features_of(image) for image in images]))

    def steps(self) -> list[float]:
        """Return the qualities that the probabilities are of."""
        return [float(step) for step in self._all()[0].step_q]

    def n_members(self) -> int:
        """Count the members of the networks."""
        return sum(len(network.members) for network in self._all())

    def _all(self) -> list[MusqaNet]:
        return [network for network in self.networks if isinstance(network, MusqaNet)]


def export_run(run: Path, out: Path, *, name: str, version: str, about: str = "") -> float:
    """Make a model file of one training, without calibration and without a distance.

    `about` is Markdown for the card. Return by how much torch and onnxruntime differ.
    """
    network = load_model(run)
    if isinstance(network, InseNet):
        return write_pair_model(network, run, out, name=name, version=version, about=about)
    if not isinstance(network, MusqaNet):
        raise StageError(
            f"{run} is a training of {type(network).__name__}; the scorer needs a distribution of "
            "quality, which musqa_net says, or for musqa compare a network that hears the "
            "reference, as insenet"
        )
    scoring = ScoringNetwork([network])
    record = {"name": name, "version": version, "network": "musqa_net"}
    card = f"# {name} {version}\n\n{about or 'Exported from a training; not calibrated.'}\n"
    write_model(scoring, {**record, "calibration": None, "domain": None, "card": card}, out)
    return checked_difference(scoring, out, _made_up_images())


def checked_difference(scoring: ScoringNetwork, path: Path, images: NDArray[np.uint8]) -> float:
    """Compare a model file with the network that it was made of."""
    model, difference = ModelFile(path), 0.0
    for image in images:
        answer = model.answer(image)
        with torch.inference_mode():
            probability, distance = scoring(*scoring.inputs(image[None]))
        off = np.abs(answer.probability - probability[0].numpy()).max()
        far = float(distance[0])
        found = (float(off), abs(answer.distance - far) / max(1.0, far))
        difference = float(np.max([difference, *found]))  # Python's max would leave NaN out
    return require_equal(difference, path)


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

    def said(draft: Path) -> dict[str, Any]:
        answer = ModelFile(draft).answer(check_image())
        return as_stored(answer.probability, answer.distance)

    example = scoring.inputs(np.zeros(IMAGE_SHAPE, np.uint8))
    ports = {
        "input_names": ["image", DESCRIPTIVE_FEATURES][: len(example)],
        "output_names": ["probability", "distance"],
    }
    write_onnx(scoring, example, ports, {"step_quality": scoring.steps(), **record}, path, said)
