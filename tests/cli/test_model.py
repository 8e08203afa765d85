"""`musqa model`: what there is, what is used, and a file of one's own."""

import json

import pytest
import torch
from typer.testing import CliRunner

from musqa_pipeline.cli.model import app
from musqa_pipeline.core.errors import LakeError, ModelError
from musqa_pipeline.learning.networks.musqa_net import MusqaNet
from musqa_pipeline.scoring import model_file
from musqa_pipeline.scoring.pair_model import PairModel
from tests.learning.intrusive.conftest import drawn_network
from tests.learning.written_run import write_run as write_pair_run
from tests.release.model.test_export import write_run
from tests.scoring.small_model import write_model


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSQA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.setattr(model_file, "config_folder", lambda: tmp_path / "config" / "musqa")
    monkeypatch.delenv("MUSQA_MODEL", raising=False)
    return tmp_path / "home"


def listed():
    result = CliRunner().invoke(app, ["list", "--json"], catch_exceptions=False)
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_shipped_model_is_listed_and_used(home):
    [row] = listed()
    assert (row["used"], row["where"], row["name"]) == ("*", "shipped", "musqa-net")
    assert row["calibrated"] is True
    assert row["accuracy"]["rmse"] < 0.7


def test_releases_are_listed_and_a_damaged_one_hides_no_other(home):
    release = home / "releases" / "mine-1.0" / "model.onnx"
    release.parent.mkdir(parents=True)
    write_model(release)
    damaged = home / "releases" / "zzz-1.0" / "model.onnx"
    damaged.parent.mkdir()
    damaged.write_bytes(b"nothing")
    rows = listed()
    assert [row["where"] for row in rows] == ["shipped", "release", "release"]
    assert rows[1]["problem"] is None
    assert "is no ONNX file" in rows[2]["problem"]


def test_a_model_is_chosen_and_given_back(home, tmp_path):
    write_model(tmp_path / "own.onnx")
    runner = CliRunner()
    runner.invoke(app, ["use", str(tmp_path / "own.onnx")], catch_exceptions=False)
    assert [row["used"] for row in listed()] == ["", "*"]
    said = runner.invoke(app, ["use", "--shipped"], catch_exceptions=False)
    assert "scores come from musqa-net" in said.stdout
    assert [row["used"] for row in listed()] == ["*"]


def test_no_model_is_chosen_that_is_none(home, tmp_path):
    (tmp_path / "song.onnx").write_bytes(b"RIFF")
    with pytest.raises(ModelError, match="is no ONNX file"):
        CliRunner().invoke(app, ["use", str(tmp_path / "song.onnx")], catch_exceptions=False)
    assert not (tmp_path / "config" / "musqa" / "model.onnx").exists()


def test_a_file_or_shipped_has_to_be_given(home):
    result = CliRunner().invoke(app, ["use"])
    assert result.exit_code == 2
    assert "give a model file, or --shipped" in result.output


def test_a_training_is_exported(home, tmp_path):
    torch.manual_seed(0)
    write_run(tmp_path / "run", "musqa_net", MusqaNet())
    arguments = ["export", str(tmp_path / "run"), "--out", str(tmp_path / "own.onnx"), "--json"]
    result = CliRunner().invoke(app, [*arguments, "--name", "ours"], catch_exceptions=False)
    assert json.loads(result.stdout)["largest_difference"] < 1e-4
    assert model_file.ModelFile(tmp_path / "own.onnx").label == "ours 1"


def test_a_training_of_pairs_is_exported_with_its_card(home, tmp_path):
    run = write_pair_run(tmp_path / "run", drawn_network())
    (tmp_path / "about.md").write_text("Taught by *nobody*.", "utf-8")
    out = tmp_path / "insenet.onnx"
    arguments = ["export", str(run), "--out", str(out), "--about", str(tmp_path / "about.md")]
    said = CliRunner().invoke(app, [*arguments, "--name", "ours"], catch_exceptions=False)
    assert "onnxruntime and torch differ by" in said.stdout
    assert PairModel(out).label == "ours 1"
    assert "Taught by *nobody*." in (tmp_path / "insenet.md").read_text("utf-8")
    arguments[-1] = str(tmp_path / "none.md")
    with pytest.raises(LakeError, match=r"cannot read .*none\.md: No such file"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_without_torch_one_sentence_says_what_to_install(home, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else 1)
    with pytest.raises(ModelError, match=r"export needs torch; install them with pip install"):
        CliRunner().invoke(app, ["export", str(tmp_path)], catch_exceptions=False)
