"""The authors' w2vMOS, read without fairseq."""

import json
import os
import re

import pytest
import torch
from safetensors import safe_open
from torch import nn
from typer.testing import CliRunner

from musqa_pipeline.cli.model import app
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.learning.imports import qama_import as module
from musqa_pipeline.learning.imports.qama_import import import_qama, read_qama
from musqa_pipeline.learning.networks.w2v_mos import W2vMos, unit_variance
from musqa_pipeline.learning.pretraining.folder import read_folder
from musqa_pipeline.learning.pretraining.wav2vec2 import build_body
from tests.learning.imports.fairseq_network import Qama

SIZES = {
    "channels": (12, 13, 14, 15, 16, 17, 18), "width": 128, "inner": 40, "n_blocks": 2,
    "kernel": 6, "groups": 4,
}  # fmt: skip
OTHERWISE = "give one of the authors' qama_*.pt"


@pytest.fixture
def theirs():
    torch.manual_seed(0)
    network = Qama(**SIZES).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.6)
    return network


@pytest.fixture
def file(tmp_path, theirs):
    torch.save(theirs.state_dict(), tmp_path / "qama_fold1.pt")
    return tmp_path / "qama_fold1.pt"


def refused(path, text):
    with pytest.raises(ModelError, match=re.escape(text)) as caught:
        read_qama(path)
    assert str(path) in str(caught.value)
    assert "weights_only" not in str(caught.value)


def saved(file, state):
    torch.save(state, file)
    return file


def test_it_answers_the_same_as_the_authors_network(tmp_path, file, theirs):
    noise = torch.randn(3, 8_000, generator=torch.Generator().manual_seed(0))
    samples = torch.stack(
        [0.1 * noise[0], 0.002 * noise[1].cumsum(0), 0.3 * noise[2].pow(9).tanh()]
    )
    origin = import_qama(file, tmp_path / "folder")
    again = read_folder(tmp_path / "folder", lambda sizes: W2vMos(build_body(sizes)))
    with torch.inference_mode():
        mos = theirs(samples)
        for network in (origin, again):
            torch.testing.assert_close(1 + 4 * network(samples), mos, rtol=0, atol=1e-5)
        # What they give as it is has unit variance here: the first norm undoes that.
        scaled = 1 + 4 * origin(unit_variance(samples))
    assert mos.std() > 0.01
    torch.testing.assert_close(scaled, mos, rtol=0, atol=0.01)
    torch.testing.assert_close(
        dict(again.wav2vec2.named_parameters())["masked_spec_embed"], theirs.ssl_model.mask_emb
    )


def test_the_papers_size_is_told_from_shapes(monkeypatch):
    with torch.device("meta"):
        state = Qama(
            channels=(512,) * 7, width=768, inner=3072, n_blocks=12, kernel=128, groups=16
        ).state_dict()
    assert module._architecture_of(state) == module.Wav2Vec2Architecture()


def test_the_command_writes_a_folder_that_is_not_written_over(tmp_path, file):
    out = tmp_path / "folder"
    done = CliRunner().invoke(app, ["import-qama", str(file), str(out), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    n_parameters = sum(p.numel() for p in read_qama(file).parameters())
    assert said == {"path": str(out), "parameters": n_parameters}
    with safe_open(out / "model.safetensors", framework="pt") as tensors:
        names = set(tensors.keys())
    assert {"output.weight", "wav2vec2.encoder.layer_norm.weight"} <= names
    assert not any(name.startswith(("fc", "output_layer", "ssl_model")) for name in names)
    with pytest.raises(ModelError, match="holds a network already; name a new folder"):
        import_qama(file, out)


def test_another_network_is_refused_and_says_why(tmp_path, theirs):
    file, state = tmp_path / "other.pt", theirs.state_dict()
    refused(saved(file, dict(list(state.items())[4:])), OTHERWISE)
    refused(saved(file, state | {"ssl_model.quantizer.vars": torch.zeros(2)}), "quantizer.vars is")
    refused(saved(file, state | {"encoder.layer_norm.weight": torch.zeros(2)}), "is none of its la")
    name = "ssl_model.feature_extractor.conv_layers.2.0.weight"
    refused(saved(file, state | {name: torch.zeros(14, 13, 5)}), "(10, 3, 5, 3, 3, 2, 2), expected")
    refused(saved(file, state | {name: torch.zeros(14, 12, 3)}), OTHERWISE)
    refused(saved(file, state | {"output_layer_arch1.bias": torch.tensor([torch.nan])}), "finite")
    without = {k: v for k, v in state.items() if k != "output_layer_arch1.bias"}
    refused(saved(file, without), f"('output.bias'); {OTHERWISE}")


def test_what_is_no_state_dictionary_is_refused(tmp_path, theirs, file):
    refused(tmp_path / "nowhere.pt", "does not exist; check the path")
    refused(saved(tmp_path / "list.pt", [1, 2]), "holds no state dictionary of finite weights")
    refused(saved(tmp_path / "whole.pt", {"model": {"x": 1}}), "holds no state dictionary of")
    refused(saved(tmp_path / "run.pt", {"x": os.system}), "or holds more than tensors, which musqa")
    whole = file.read_bytes()
    for n_bytes in (0, 10, len(whole) // 2):
        file.write_bytes(whole[:n_bytes])
        refused(file, "cannot be read as weights of torch (")
    old = tmp_path / "old.pt"
    torch.save(theirs.state_dict(), old, _use_new_zipfile_serialization=False)
    refused(old, "cannot be read as weights of torch (")


def test_what_is_too_large_is_refused_before_memory_is_spent(tmp_path, theirs, file, monkeypatch):
    many = torch.zeros(1).expand(1 << 20, 1 << 20)
    refused(saved(tmp_path / "view.pt", theirs.state_dict() | {"x": many}), "no state dictionary")
    monkeypatch.setattr(module, "LARGEST_BYTES", 1_000)
    refused(file, "bytes, expected at most 1,000; give the weights of the network without those")
