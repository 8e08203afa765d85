"""wav2vec 2.0 in a folder as transformers writes it: ``config.json`` and ``model.safetensors``.

No pickle is read and nothing is downloaded. All is compared before memory is spent on it: sizes in
``config.json`` have ranges, and the shapes of tensors stand at the head of their file. Of
``config.json`` nothing but the architecture is taken.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from musqa_pipeline.audio.features.pcm import WAVEFORM_SAMPLES
from musqa_pipeline.core.errors import SettingsError, first_line
from musqa_pipeline.core.files import whole_file, write_whole
from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Architecture
from musqa_pipeline.learning.pretraining.wav2vec2 import build_body, load_transformers

CONFIG_FILE, TENSORS_FILE = "config.json", "model.safetensors"
LARGEST_CONFIG_BYTES, LARGEST_BYTES = 1 << 20, 1 << 32
"""More is not read; base has 380 MB, large 1.3 GB."""
LARGEST_HEAD_BYTES = 1 << 20
"""Of tensors' names and shapes; large has 55 kB, and to read one takes eight times as many."""
FRAMES = (1, 10_000)
"""That 10 s may make; base makes 499, and memory goes with their square."""
_PREFIX = "wav2vec2."
"""Of the body's tensors, where there is a head."""
_BODY = ("feature_extractor", "feature_projection", "encoder", "adapter")
"""What they begin with then."""
_OPTIONAL = "masked_spec_embed"
"""Not there in a network that was never to mask anything."""
_OLD_NAMES = {
    "pos_conv_embed.conv.weight_g": "pos_conv_embed.conv.parametrizations.weight.original0",
    "pos_conv_embed.conv.weight_v": "pos_conv_embed.conv.parametrizations.weight.original1",
}
_SIZES = tuple(field.name for field in fields(Wav2Vec2Architecture))
_NUMBERS = ("F32", "F16", "BF16")
_ADVICE = f"give a folder as transformers writes it, with {CONFIG_FILE} and {TENSORS_FILE}"


def write_folder(folder: Path, network: nn.Module) -> None:
    """Write a network with a body ``wav2vec2``, and its heads, into a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there; the two files are replaced.
    network : nn.Module
        `Wav2Vec2ForPreTraining` or `W2vMos`.

    Raises
    ------
    LakeError
        If it cannot be written.
    """
    body: Any = network.wav2vec2
    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    content = importlib.import_module("safetensors.torch").save(tensors, {"format": "pt"})
    with whole_file(folder / TENSORS_FILE) as temporary:
        temporary.write_bytes(content)
    body.config.architectures = [type(network).__name__]
    write_whole(folder / CONFIG_FILE, body.config.to_json_string(use_diff=False))


def read_folder(
    folder: Path, build: Callable[[Wav2Vec2Architecture], nn.Module] = build_body
) -> Any:
    """Read a network out of a folder, onto the CPU and in float32.

    Parameters
    ----------
    folder : Path
        As transformers or `write_folder` wrote it.
    build : callable
        Builds the network that is wanted; the body alone when left out, whatever head it had.

    Returns
    -------
    nn.Module
        What `build` builds, in evaluation.

    Raises
    ------
    SettingsError
        If there is no such folder, or it holds another network, a pickle, or a part of a file.
    ToolError
        If transformers is not installed.
    """
    load_transformers()
    architecture = read_architecture(folder / CONFIG_FILE)
    with torch.device("meta"):
        network = build(architecture)
    network.load_state_dict(_tensors(folder / TENSORS_FILE, network.state_dict()), assign=True)
    return network.eval()


def read_architecture(path: Path) -> Wav2Vec2Architecture:
    """Read what a network is made of out of its ``config.json``, or raise a SettingsError."""
    _look(path, LARGEST_CONFIG_BYTES)
    try:
        config = json.loads(path.read_bytes())
        found = config["model_type"]
        taken = json.dumps({name: config[name] for name in _SIZES if name in config})
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} is no {CONFIG_FILE} of transformers ({type(error).__name__}: "
            f"{first_line(error)[:200]}); {_ADVICE}"
        ) from error
    if found != "wav2vec2":
        raise SettingsError(f"{path} has model_type={found!r:.50}, expected 'wav2vec2'; {_ADVICE}")
    try:
        architecture = Wav2Vec2Architecture.of_json(taken)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SettingsError(
            f"{path}: {place}={first['input']!r:.50}: {first['msg'].lower()}; give a network whose "
            "sizes are those of a wav2vec 2.0"
        ) from error
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    least, most = FRAMES
    if not least <= (n_frames := architecture.n_frames(WAVEFORM_SAMPLES)) <= most:
        raise SettingsError(
            f"{path}: conv_kernel and conv_stride make {n_frames:,} frames of 10 s, expected "
            f"{least} to {most:,}; give a network whose sizes are those of a wav2vec 2.0"
        )
    return architecture


def _tensors(path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read the tensors that a network wants, by its names."""
    _look(path, LARGEST_BYTES)
    safetensors = importlib.import_module("safetensors")
    try:
        with path.open("rb") as stream:
            begins = stream.read(8)
        if begins[:2] in (b"PK", b"\x80\x02", b"\x80\x04"):
            raise SettingsError(
                f"{path} is a pickle, which may run code as it is read; write it again by "
                "transformers' save_pretrained"
            )
        if (n_bytes := int.from_bytes(begins, "little")) > LARGEST_HEAD_BYTES:
            raise SettingsError(
                f"{path} is no file of safetensors: its head would have {n_bytes:,} bytes, "
                f"expected at most {LARGEST_HEAD_BYTES:,}; get it again"
            )
        with safetensors.safe_open(path, framework="pt") as file:
            return _matched(file, path, wanted)
    except (safetensors.SafetensorError, OSError) as error:
        raise SettingsError(
            f"{path} is no file of safetensors, or a part of one ({first_line(error)[:200]}); get "
            "it again"
        ) from error


def _matched(file: Any, path: Path, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    there = {_short(name): name for name in file.keys()}  # noqa: SIM118 - it is no mapping
    short = {_short(name) for name in wanted}
    lacking = sorted(name for name in short - there.keys() if name != _OPTIONAL)
    further = sorted(n for n in there.keys() - short if n.partition(".")[0] in _BODY)
    for what, names in (("lacks", lacking), ("has besides", further)):
        if names:
            raise SettingsError(
                f"{path} {what} {len(names)} tensors, like {names[0]:.100}: it is another network "
                f"than {CONFIG_FILE} says; {_ADVICE}"
            )
    for name, tensor in wanted.items():
        if _short(name) in there:
            stored = file.get_slice(there[_short(name)])
            shape, kind = tuple(stored.get_shape()), stored.get_dtype()
            if shape != tuple(tensor.shape) or kind not in _NUMBERS:
                raise SettingsError(
                    f"{path}: {name} is {kind} {shape}, expected {_NUMBERS[0]} "
                    f"{tuple(tensor.shape)}: it is another network than {CONFIG_FILE} says; "
                    f"{_ADVICE}"
                )
    tensors = {name: torch.zeros(tensor.shape) for name, tensor in wanted.items()}
    for name, tensor in tensors.items():
        if _short(name) in there:
            tensor.copy_(file.get_tensor(there[_short(name)]))
        if not tensor.isfinite().all():
            raise SettingsError(f"{path}: {name} is not finite; get the network again")
    return tensors


def _short(name: str) -> str:
    """Return what a tensor is called in the body alone, by the names of today."""
    for old, new in _OLD_NAMES.items():
        name = name.replace(old, new)
    return name.removeprefix(_PREFIX)


def _look(path: Path, most_bytes: int) -> None:
    """Refuse a file that is not there, or too large to be one."""
    if not path.is_file():
        pickles = sorted(p.name for p in path.parent.glob("*.bin")) if path.parent.is_dir() else []
        there = f", and {pickles[0]} is a pickle, which musqa never reads" if pickles else ""
        raise SettingsError(f"{path} is not there{there}; {_ADVICE}")
    if (n_bytes := path.stat().st_size) > most_bytes:
        raise SettingsError(
            f"{path} has {n_bytes:,} bytes, expected at most {most_bytes:,}; {_ADVICE}"
        )
