"""The targets of a folder of wav2vec 2.0: bytes of one of its files beside a good one of the other.

torch and transformers are imported by the first input, so that other targets do without.
"""

from __future__ import annotations

import json
from pathlib import Path

from musqa_pipeline.audio.features.pcm import WAVEFORM_SAMPLES

SEEDS = Path(__file__).parent / "seeds"
GOOD_CONFIG, GOOD_TENSORS = SEEDS / "wav2vec2_config/small", SEEDS / "wav2vec2_tensors/small"
MOST_FRAMES = 500
"""A network with more of them in 10 s is read and not asked."""


def wav2vec2_config(data: bytes, folder: Path) -> None:
    """Read a ``config.json`` beside the tensors of a small network, and ask what came out of it."""
    _read(data, GOOD_TENSORS.read_bytes(), folder)


def wav2vec2_tensors(data: bytes, folder: Path) -> None:
    """Read a ``model.safetensors``; a text becomes the head of one that holds nothing but zeros."""
    good = GOOD_TENSORS.read_bytes()
    if data.startswith(b"{"):
        n_head = int.from_bytes(good[:8], "little")
        data = len(data).to_bytes(8, "little") + data + bytes(len(good) - 8 - n_head)
    _read(GOOD_CONFIG.read_bytes(), data, folder)


def _read(config: bytes, tensors: bytes, folder: Path) -> None:
    import torch

    from musqa_pipeline.learning.pretraining import folder as reader

    (folder / reader.CONFIG_FILE).write_bytes(config)
    (folder / reader.TENSORS_FILE).write_bytes(tensors)
    network = reader.read_folder(folder)
    architecture = reader.read_architecture(folder / reader.CONFIG_FILE)
    n_frames = architecture.n_frames(WAVEFORM_SAMPLES)
    assert json.loads(network.config.to_json_string())["hidden_size"] == architecture.hidden_size
    if n_frames <= MOST_FRAMES:
        with torch.no_grad():
            answer = network(torch.zeros(1, WAVEFORM_SAMPLES)).last_hidden_state
        assert answer.shape == (1, n_frames, architecture.hidden_size)
