"""Folders as transformers writes them, and what is none."""

import io
import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import safetensors
import torch
import transformers
from safetensors.torch import load_file, save_file

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.pretraining import folder as module
from musqa_pipeline.learning.pretraining.folder import read_folder, write_folder
from musqa_pipeline.learning.pretraining.wav2vec2 import build_pretraining
from tests.learning.pretraining.tiny_wav2vec2 import ARCHITECTURE

SAMPLES = torch.randn(2, 1_600, generator=torch.Generator().manual_seed(0))
AS_IT_SHOULD_BE = "give a folder as transformers writes it, with config.json and model.safetensors"


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_pretraining(ARCHITECTURE).eval()


@pytest.fixture
def folder(tmp_path, network):
    write_folder(tmp_path / "made", network)
    return tmp_path / "made"


def answer(body):
    return body(SAMPLES).last_hidden_state


def edit(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in config.items() if v != "absent"}))


def refused(folder, text):
    with pytest.raises(SettingsError, match=re.escape(text)) as caught:
        read_folder(folder)
    assert str(folder) in str(caught.value)


def test_transformers_reads_what_is_written_and_answers_the_same(folder, network):
    theirs, loading = transformers.Wav2Vec2ForPreTraining.from_pretrained(
        folder, output_loading_info=True, local_files_only=True
    )
    assert not any(loading.values()), loading
    assert torch.equal(answer(theirs.wav2vec2), answer(network.wav2vec2))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("kind", ["Wav2Vec2ForPreTraining", "Wav2Vec2Model", "Wav2Vec2ForCTC"])
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_what_transformers_writes_is_read_and_answers_the_same(tmp_path, kind, norm):
    sizes = replace(
        ARCHITECTURE, feat_extract_norm=norm, do_stable_layer_norm=norm == "layer",
        conv_bias=norm == "layer",
    )  # fmt: skip
    config = transformers.Wav2Vec2Config(**asdict(sizes))
    theirs = getattr(transformers, kind)(config).eval()
    theirs.save_pretrained(tmp_path / "theirs")
    ours = read_folder(tmp_path / "theirs")
    assert torch.equal(answer(ours), answer(getattr(theirs, "wav2vec2", theirs)))
    assert not ours.training


def test_names_of_older_versions_half_precision_and_an_absent_mask_are_read(folder, network):
    tensors = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor.half()
        for name, tensor in network.state_dict().items()
        if not name.endswith("masked_spec_embed")
    }
    save_file(tensors, folder / "model.safetensors")
    ours = read_folder(folder)
    assert {tensor.dtype for tensor in ours.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(answer(ours), answer(network.half().float().wav2vec2))
    assert not ours.masked_spec_embed.any()


def test_a_folder_that_is_none_says_what_is_missing(tmp_path, folder):
    refused(tmp_path / "nowhere", f"config.json is not there; {AS_IT_SHOULD_BE}")
    (folder / "model.safetensors").unlink()
    refused(folder, f"model.safetensors is not there; {AS_IT_SHOULD_BE}")
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    refused(folder, "not there, and pytorch_model.bin is a pickle, which musqa never reads; give")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"num_hidden_layers": 10**9}, "num_hidden_layers=1000000000: input should be less than"),
        ({"hidden_size": -4}, "hidden_size=-4: input should be greater than or equal to 1"),
        ({"hidden_size": 16.5}, "hidden_size=16.5: input should be a valid integer"),
        ({"conv_dim": [8] * 17}, "conv_dim=[8, 8, 8"),
        ({"conv_dim": [8, 10**12]}, "conv_dim.1=1000000000000: input should be less than"),
        ({"conv_stride": [10]}, "2 conv_dim, 2 conv_kernel and 1 conv_stride: expected as many"),
        ({"num_attention_heads": 3}, "hidden_size=16: expected a multiple of num_attention_heads"),
        ({"feat_extract_activation": "relu6"}, "feat_extract_activation='relu6': input should be"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps=nan: input should be"),
        ({"conv_kernel": [20, 8192], "conv_stride": [80, 4]}, "make 0 frames of 10 s, expected 1"),
        (
            {"conv_stride": [1, 2]},
            "make 79,987 frames of 10 s, expected 1 to 10,000; give a network",
        ),
        ({"model_type": "hubert"}, "has model_type='hubert', expected 'wav2vec2'; give a folder"),
        ({"model_type": "absent"}, "is no config.json of transformers (KeyError: 'model_type')"),
    ],
)
def test_a_config_that_cannot_be_is_refused_before_anything_is_built(
    folder, monkeypatch, changes, text
):
    monkeypatch.setattr(module, "build_body", None)
    edit(folder, **changes)
    refused(folder, text)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"[" * 100_000, b"\xff\xfe{}"])
def test_what_is_no_config_is_refused(folder, content):
    (folder / "config.json").write_bytes(content)
    refused(folder, "is no config.json of transformers")


def test_a_config_that_is_too_large_is_not_read(folder):
    with (folder / "config.json").open("ab") as stream:
        stream.truncate(module.LARGEST_CONFIG_BYTES + 1)
    refused(folder, "has 1,048,577 bytes, expected at most 1,048,576")


@pytest.mark.parametrize("kept", [0, 5, 100, -4_000, -1])
def test_a_part_of_a_file_is_refused(folder, kept):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    refused(folder, "is no file of safetensors, or a part of one (")


def test_a_head_that_promises_terabytes_is_refused(folder):
    head = json.dumps({"x": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}})
    content = len(head).to_bytes(8, "little") + head.encode()
    (folder / "model.safetensors").write_bytes(content)
    refused(folder, "is no file of safetensors, or a part of one (")
    (folder / "model.safetensors").write_bytes(b"\xff" * 4_000)
    refused(folder, "its head would have 18,446,744,073,709,551,615 bytes, expected at most 1,048,")


def test_a_head_of_many_tensors_is_refused_before_it_is_taken_apart(folder, monkeypatch):
    names = {f"x{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(20_000)}
    head = json.dumps(names).encode()
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
    monkeypatch.setattr(safetensors, "safe_open", None)
    refused(folder, f"its head would have {len(head):,} bytes, expected at most 1,048,576; get it")


def test_a_file_that_may_not_be_opened_is_refused(folder, monkeypatch):
    def opened(path, *args, **kwargs):
        if path.name == "model.safetensors":
            raise PermissionError(13, "Permission denied")
        return io.open(path, *args, **kwargs)  # noqa: UP020 - pathlib's own is what is replaced

    monkeypatch.setattr(Path, "open", opened)
    refused(folder, "is no file of safetensors, or a part of one ([Errno 13] Permission denied)")


@pytest.mark.parametrize("old", [False, True])
def test_a_pickle_is_never_read(folder, network, old):
    torch.save(
        network.state_dict(),
        folder / "model.safetensors",
        _use_new_zipfile_serialization=not old,
    )
    refused(folder, "model.safetensors is a pickle, which may run code as it is read; write it aga")


def test_another_networks_weights_are_refused(folder, network):
    path = folder / "model.safetensors"
    whole = load_file(path)
    edit(folder, num_hidden_layers=1)
    refused(folder, "has besides 16 tensors, like encoder.layers.1.attention.k_proj.bias: it is an")
    edit(folder, num_hidden_layers=3)
    refused(folder, "lacks 16 tensors, like encoder.layers.2.attention.k_proj.bias: it is another")
    edit(folder, num_hidden_layers=2, intermediate_size=25)
    refused(folder, "intermediate_dense.weight is F32 (24, 16), expected F32 (25, 16): it is anot")
    edit(folder, intermediate_size=24)
    name = "wav2vec2.encoder.layer_norm.weight"
    save_file(whole | {name: whole[name].long()}, path)
    refused(folder, "encoder.layer_norm.weight is I64 (16,), expected F32 (16,)")
    save_file(whole | {name: whole[name] * torch.nan}, path)
    refused(folder, "encoder.layer_norm.weight is not finite; get the network again")
    save_file({"embedding": torch.zeros(3)}, path)
    refused(folder, "lacks 45 tensors, like encoder.layer_norm.bias: it is another network than")
    save_file(whole, path)
    assert torch.equal(answer(read_folder(folder)), answer(network.wav2vec2))
