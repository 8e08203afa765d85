"""The intrusive network as one ONNX file that `musqa compare` runs, with a card beside it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musqa_pipeline.audio.features.gammatone_bands import MIN_FRAMES, N_BANDS, N_FRAMES
from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.networks.insenet import InseNet, fold_normalisation
from musqa_pipeline.learning.training.checkpoint import SETTINGS_FILE
from musqa_pipeline.release.model.export_file import require_equal, write_onnx
from musqa_pipeline.scoring.model_record import PAIR_NETWORK
from musqa_pipeline.scoring.pair_model import PairModel, check_pair, said_of_check_pair

CHECKED_FRAMES = (MIN_FRAMES, 37, N_FRAMES, 750)
"""Lengths of the images on which the file has to answer as torch does."""
PORTS: dict[str, Any] = {
    "input_names": ["pair"],
    "output_names": ["quality"],
    "dynamic_axes": {"pair": {1: "frames"}},
}


def write_pair_model(
    network: InseNet, run: Path, out: Path, *, name: str, version: str, about: str = ""
) -> float:
    """Make a model file of a training, and its card as Markdown beside it.

    Normalisation is folded into the convolutions. Return by how much torch and onnxruntime differ
    in MOS.
    """
    folded = fold_normalisation(copy.deepcopy(network))
    settings = json.loads(seals.read(run / SETTINGS_FILE))
    card = _card(network, settings, name, version, about)
    record = {"name": name, "version": version, "network": PAIR_NETWORK, "card": card}

    def said(draft: Path) -> dict[str, Any]:
        return said_of_check_pair(PairModel(draft))

    example = torch.zeros(1, N_FRAMES, 2 * N_BANDS)
    write_onnx(folded, (example,), PORTS, record, out, said)
    try:
        difference = require_equal(largest_difference(network, out), out)
    except StageError:
        out.unlink()
        raise
    write_whole(out.with_suffix(".md"), card.encode())
    return difference


def largest_difference(network: InseNet, path: Path) -> float:
    """Return by how much MOS a model file differs from the network it was made of."""
    model = PairModel(path)
    generator = derive_generator("release.export", "pairs")
    images = [check_pair()]
    for n_frames in CHECKED_FRAMES:
        cells = generator.uniform(0.0, 1.0, (n_frames, 2 * N_BANDS)).astype(np.float32)
        cells[:, N_BANDS:] = 0.8 * cells[:, :N_BANDS] + 0.2 * cells[:, N_BANDS:]
        images.append(cells)
    with torch.inference_mode():
        expected = [float(network(torch.from_numpy(image)[None])) for image in images]
    found = [model.quality(image) for image in images]
    return float(np.max(4.0 * np.abs(np.subtract(found, expected))))


def _card(network: InseNet, settings: dict[str, Any], name: str, version: str, about: str) -> str:
    recipe = ", ".join(f"{key} {value}" for key, value in sorted(settings["settings"].items()))
    sections = [
        f"# {name} {version}",
        "Predicts ViSQOL's MOS-LQO (v3, audio mode; 1 to 4.73) of degraded music against its "
        "reference, for `musqa compare`. It eats frames of 80 ms of both signals, aligned, in 32 "
        "gammatone bands. "
        f"{sum(p.numel() for p in network.parameters()):,} numbers. Apache-2.0. What it sees and "
        "how it was designed is in docs/intrusive.md.",
        "## Data and accuracy",
        about.strip()
        or "Exported from a training; what it learned from and how well it does was not stated.",
        "## Training",
        f"Data: {settings.get('data_fingerprint') or 'not recorded'}. Recipe: {recipe}.",
        "## Limits",
        "It has no interval and knows no sound that is unlike its training. Above 4 it tells "
        "ViSQOL's scores apart poorly. Delays are undone once for a whole file; one that changes "
        "within it is not followed.",
    ]
    return "\n\n".join(sections) + "\n"
