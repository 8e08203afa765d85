"""Model files: which one is used, and what is said of a file that is none."""

import json
import sys

import numpy as np
import onnx
import pytest

from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.scoring import model_file, onnx_file
from musqa_pipeline.scoring.model_file import ModelFile, choose_model, resolve_model_path
from tests.scoring.small_model import STEPS, expected_quality, write_model


def test_a_model_answers_as_its_formula(model_path):
    model = ModelFile(model_path)
    image = np.random.default_rng(0).integers(0, 120, (31, 1024)).astype(np.uint8)
    answer = model.answer(image)
    assert answer.probability.shape == (40,)
    assert answer.probability.sum() == pytest.approx(1, abs=1e-6)
    assert np.sum(answer.probability * STEPS) == pytest.approx(expected_quality(image), abs=1e-5)
    assert answer.distance == 0.5
    assert (model.label, model.card) == ("small 1", "# small")


def test_the_digest_names_the_content(model_path, tmp_path):
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(model_path.read_bytes())
    other = write_model(tmp_path / "other.onnx", distance=0.25)
    assert ModelFile(copy).digest == ModelFile(model_path).digest != ModelFile(other).digest


def test_without_a_domain_there_is_no_distance(tmp_path):
    path = write_model(tmp_path / "m.onnx", distance=7.0, record={"domain": None})
    assert ModelFile(path).answer(np.zeros((31, 1024), np.uint8)).distance == 0.0


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        ModelError, match=r"cannot read the model .*none\.onnx: No such file.*--mod"
    ):
        ModelFile(tmp_path / "none.onnx")


def test_what_is_no_onnx_is_refused(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("not a model")
    with pytest.raises(ModelError, match=r"text\.onnx is no ONNX file that onnxruntime can load"):
        ModelFile(path)


def test_another_onnx_is_refused(model_path, tmp_path):
    model = onnx.load(model_path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"not one of musqa's: its metadata have no key 'musqa'"):
        ModelFile(tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"format": 2}, r"model format 2, expected 1; export it again"),
        ({"step_quality": [0.5, 0.1]}, "step_quality is no rising list of numbers"),
        ({"step_quality": [0.1, 0.5]}, r"inputs and outputs are .*, expected .*\(1, 2\)"),
        ({"calibration": {"level": 0.9}}, "calibration: KeyError.*knots_quality.*export the model"),
    ],
)
def test_a_wrong_record_is_refused(record, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        ModelFile(write_model(tmp_path / "m.onnx", record=record))


def test_metadata_that_are_no_json_are_refused(model_path, tmp_path):
    model = onnx.load(model_path)
    model.metadata_props[0].value = "{"
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"its metadata are no JSON .*export it again"):
        ModelFile(tmp_path / "m.onnx")


def test_another_input_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"inputs and outputs are .*\(1, 15, 1024\)"):
        ModelFile(write_model(tmp_path / "m.onnx", shape=(1, 15, 1024)))


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as stream:
        stream.truncate(onnx_file.MAX_BYTES + 1)
    with pytest.raises(
        ModelError, match=r"more than 200 MB, which no model of musqa has; name another"
    ):
        ModelFile(path)


def test_argument_environment_choice_and_shipped_in_this_order(
    model_path, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    shipped = write_model(tmp_path / "shipped.onnx")
    monkeypatch.setattr(model_file, "SHIPPED", shipped)
    assert resolve_model_path("named.onnx").name == "named.onnx"
    assert resolve_model_path() == model_path
    monkeypatch.delenv("MUSQA_MODEL")
    assert resolve_model_path() == shipped
    chosen = choose_model(model_path)
    assert chosen == tmp_path / "config" / "musqa" / "model.onnx" == resolve_model_path()
    assert chosen.read_bytes() == model_path.read_bytes()
    assert choose_model(None) == shipped
    assert not chosen.exists()


def test_without_any_model_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("MUSQA_MODEL")
    monkeypatch.setattr(model_file, "SHIPPED", tmp_path / "none.onnx")
    with pytest.raises(ModelError, match=r"no model is installed; name .*MUSQA_MODEL.*musqa model"):
        resolve_model_path()


def test_what_is_no_model_does_not_become_the_choice(tmp_path):
    (tmp_path / "text.onnx").write_text("no")
    with pytest.raises(ModelError):
        choose_model(tmp_path / "text.onnx")
    assert not model_file.chosen_model_path().exists()


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", "config/musqa"),
        ("darwin", "home/Library/Application Support/musqa"),
        ("win32", "appdata/musqa"),
    ],
)
def test_the_choice_lies_where_the_platform_has_it(platform, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "appdata"))
    assert model_file.config_folder() == tmp_path / expected


def test_a_session_has_one_thread(model_path, monkeypatch):
    import onnxruntime

    seen = []
    real = onnxruntime.InferenceSession

    def watched(data, options, **kwargs):
        seen.append((options.intra_op_num_threads, options.inter_op_num_threads))
        return real(data, options, **kwargs)

    monkeypatch.setattr(onnxruntime, "InferenceSession", watched)
    ModelFile(model_path)
    assert seen == [(1, 1)]
    assert json.loads(json.dumps(ModelFile(model_path).record))["format"] == 1
