"""w2vMOS as the authors of paper 004 published it, out of a state dictionary of fairseq's names.

Neither fairseq nor their code is needed: what a network is made of follows from the shapes in the
file, as far as fairseq's base leaves it open. The authors give samples as they are and get MOS;
here samples have unit variance, which the norm after the first convolution undoes, and quality is
(MOS - 1) / 4.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from musqa_pipeline.core.errors import ModelError, SettingsError, first_line
from musqa_pipeline.learning.networks.w2v_mos import W2vMos
from musqa_pipeline.learning.pretraining.folder import CONFIG_FILE, write_folder
from musqa_pipeline.learning.pretraining.recipe import Wav2Vec2Architecture
from musqa_pipeline.learning.pretraining.wav2vec2 import build_body

LARGEST_BYTES = 1 << 31
"""The authors' have some 380 MB."""
HEAD_WIDTH = 64
"""Of each head of attention, in all of fairseq's networks."""
_BODY = "ssl_model."
_HEAD = "output_layer_arch1."
_UNUSED = ("fc1.", "fc2.", "output_layer_arch2.", "output_layer_class.")
"""Layers of heads that the authors tried too."""
_NAMES = (
    (r"mask_emb", "masked_spec_embed"),
    (r"feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (r"feature_extractor\.conv_layers\.0\.2\.", "feature_extractor.conv_layers.0.layer_norm."),
    (r"layer_norm\.", "feature_projection.layer_norm."),
    (r"post_extract_proj\.", "feature_projection.projection."),
    (r"encoder\.pos_conv\.0\.bias", "encoder.pos_conv_embed.conv.bias"),
    (
        r"encoder\.pos_conv\.0\.weight_g",
        "encoder.pos_conv_embed.conv.parametrizations.weight.original0",
    ),
    (
        r"encoder\.pos_conv\.0\.weight_v",
        "encoder.pos_conv_embed.conv.parametrizations.weight.original1",
    ),
    (r"encoder\.layer_norm\.", "encoder.layer_norm."),
    (r"encoder\.layers\.(\d+)\.self_attn\.", r"encoder.layers.\1.attention."),
    (r"encoder\.layers\.(\d+)\.self_attn_layer_norm\.", r"encoder.layers.\1.layer_norm."),
    (r"encoder\.layers\.(\d+)\.fc1\.", r"encoder.layers.\1.feed_forward.intermediate_dense."),
    (r"encoder\.layers\.(\d+)\.fc2\.", r"encoder.layers.\1.feed_forward.output_dense."),
    (r"encoder\.layers\.(\d+)\.final_layer_norm\.", r"encoder.layers.\1.final_layer_norm."),
)
"""fairseq's beginnings of names, and what transformers has in their place."""


def import_qama(path: Path, folder: Path) -> W2vMos:
    """Write the authors' network into a folder that transformers and `read_folder` read.

    Parameters
    ----------
    path : Path
        ``qama_fold1.pt`` and the like.
    folder : Path
        New folder.

    Returns
    -------
    W2vMos
        What was written.

    Raises
    ------
    ModelError
        If the file is absent, damaged, too large, or another network; or `folder` holds one.
    ToolError
        If transformers is not installed.
    LakeError
        If the folder cannot be written.
    """
    if (folder / CONFIG_FILE).exists():
        raise ModelError(f"{folder} holds a network already; name a new folder")
    network = read_qama(path)
    write_folder(folder, network)
    return network


def read_qama(path: Path) -> W2vMos:
    """Read the authors' network, in evaluation; raises as `import_qama` does."""
    theirs = _read(path)
    try:
        ours, architecture = _translated(theirs), _architecture_of(theirs)
        with torch.device("meta"):
            network = W2vMos(build_body(architecture))
        network.load_state_dict(ours, assign=True)
    except (KeyError, ValueError, RuntimeError, SettingsError) as error:
        raise ModelError(
            f"{path} is no w2vMOS of paper 004 ({first_line(error)[:300]}); give one of the "
            "authors' qama_*.pt"
        ) from error
    return network.eval()


def _read(path: Path) -> dict[str, Tensor]:
    """Read tensors by name; nothing else is ever unpickled."""
    try:
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(part.file_size for part in archive.infolist())
        if n_bytes > LARGEST_BYTES:
            raise ModelError(
                f"{path} unpacks to {n_bytes:,} bytes, expected at most {LARGEST_BYTES:,}; give "
                "the weights of the network without those of its training"
            )
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist; check the path") from error
    except pickle.UnpicklingError as error:  # whose text says how to switch this safety off
        raise ModelError(
            f"{path} is damaged, or holds more than tensors, which musqa never loads; give a "
            "state dictionary alone"
        ) from error
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path} cannot be read as weights of torch ({first_line(error)[:200]}); get it again"
        ) from error
    tensors = found if isinstance(found, dict) else {}
    # A view may show one number a billion times.
    n_numbers = sum(t.numel() for t in tensors.values() if isinstance(t, Tensor))
    is_large = 4 * n_numbers > LARGEST_BYTES
    if not tensors or is_large or not all(map(_is_weight, tensors.items())):
        raise ModelError(f"{path} holds no state dictionary of finite weights; get it again")
    return tensors


def _is_weight(item: tuple[Any, Any]) -> bool:
    name, value = item
    is_dense = isinstance(value, Tensor) and value.layout is torch.strided
    if not (isinstance(name, str) and is_dense and value.is_floating_point()):
        return False
    return bool(value.isfinite().all())


def _architecture_of(theirs: Mapping[str, Tensor]) -> Wav2Vec2Architecture:
    """Tell from shapes what a network is made of; KeyError or ValueError if it is not base."""
    shapes = {
        name.removeprefix(_BODY): tuple(tensor.shape)
        for name, tensor in theirs.items()
        if name.startswith(_BODY)
    }
    base = Wav2Vec2Architecture()
    n_layers = sum(bool(re.fullmatch(r"encoder\.layers\.\d+\.fc1\.weight", n)) for n in shapes)
    n_convolutions = sum(bool(re.fullmatch(r".*conv_layers\.\d+\.0\.weight", n)) for n in shapes)
    convolutions = [
        shapes[f"feature_extractor.conv_layers.{i}.0.weight"] for i in range(n_convolutions)
    ]
    kernels = tuple(shape[2] for shape in convolutions)
    if kernels != base.conv_kernel:  # strides leave no trace in a file
        raise ValueError(f"kernels of convolutions {kernels}, expected {base.conv_kernel}")
    inner, width = shapes["encoder.layers.0.fc1.weight"]
    _, of_group, n_frames = shapes["encoder.pos_conv.0.weight_v"]
    return Wav2Vec2Architecture(
        conv_dim=tuple(shape[0] for shape in convolutions),
        hidden_size=width,
        num_hidden_layers=n_layers,
        num_attention_heads=max(1, width // HEAD_WIDTH),
        intermediate_size=inner,
        num_conv_pos_embeddings=n_frames,
        num_conv_pos_embedding_groups=width // of_group,
    )


def _translated(theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors our names, and the output our scale; KeyError for a name that is new."""
    ours = {}
    for name, tensor in theirs.items():
        if name.startswith(_UNUSED):
            continue
        if name.startswith(_HEAD):
            ours[name.replace(_HEAD, "output.")] = tensor.float() / 4
        else:
            ours[f"wav2vec2.{_translate(name)}"] = tensor.float()
    ours["output.bias"] = ours["output.bias"] - 1 / 4
    return ours


def _translate(name: str) -> str:
    inside = name.removeprefix(_BODY)
    for pattern, replacement in _NAMES:
        translated, n = re.subn(rf"^{pattern}", replacement, inside)
        if n and name.startswith(_BODY):
            return translated
    raise KeyError(f"{name:.100} is none of its layers")
