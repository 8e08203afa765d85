"""No models, damaged models, and answers that are none: each ends in one sentence."""

import json
import os
import signal
from contextlib import contextmanager

import numpy as np
import onnx
import pytest
import torch
from typer.testing import CliRunner

from musqa_pipeline.cli.app import command_line
from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError, ModelError, MusqaError, UnfitInputError
from musqa_pipeline.learning.intrusive.run import TrainedRun
from musqa_pipeline.scoring.compare import Comparer
from musqa_pipeline.scoring.model_file import SHIPPED, SHIPPED_DIGEST, ModelFile
from musqa_pipeline.scoring.model_seal import (
    BrokenSealError,
    as_stored,
    check_image,
    digest,
    has_seal,
    sealed,
)
from musqa_pipeline.scoring.scorer import Scorer
from tests.audio.sounds import noise, write
from tests.learning.intrusive.conftest import drawn_network
from tests.learning.written_run import write_run
from tests.scoring.small_model import STEPS, write_model

RATE_HZ = 16_000
DEEP = "[" * 100_000 + "]" * 100_000
NO_FILES = ("pipe", "device", "folder", "loop", "empty", "text", "huge")
RECORDS = {
    "deep": (DEEP, "its metadata nest deeper than 12 levels"),
    "less deep": ("[" * 500 + "]" * 500, "its metadata nest deeper than 12 levels"),
    "large": ('"' + "x" * 5_000_000 + '"', "its metadata have 5.0 MB, at most 4 are read"),
    "half a letter": ('"\\ud800"', "its metadata are no JSON .*surrogates not allowed"),
    "long number": ("9" * 5_000, "its metadata are no JSON .*4300 digits"),
}
FIELDS = {
    "name": ({"name": {"a": 1}}, "its name is no text of at most 100 letters"),
    "long name": ({"name": "x" * 101}, "its name is no text of at most 100 letters"),
    "escape": ({"version": "\x1b[31m1"}, "its version is no text of at most 100 letters"),
    "card": ({"card": 5}, "its card is no text"),
    "infinite steps": ({"step_quality": [*STEPS[:-1], float("inf")]}, "no rising list of numbers"),
    "steps beyond": ({"step_quality": [*STEPS[:-1], 1.5]}, "no rising list of numbers from 0 to 1"),
    "long step": ({"step_quality": [0, 10**400]}, "no rising list of numbers"),
    "calibration": ({"calibration": [1]}, "calibration: .*is missing or no number"),
    "widths": (
        {"calibration": {"level": 0.9, "knots_quality": [0], "low": "1"}},
        "calibration: TypeError.*no number",
    ),
    "long width": (
        {"calibration": {"level": 0.9, "knots_quality": [10**400]}},
        "calibration: OverflowError.*no number",
    ),
    "stored answers": ({"answers": 3}, "the digest at its end is gone"),
}


def made(kind, folder):
    """Make what is no model, and return its path."""
    path = folder / f"{kind}.onnx"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind in ("device", "loop"):
        path.symlink_to("/dev/zero" if kind == "device" else path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes({"text": b"not a model"}.get(kind, b""))
        if kind == "huge":
            os.truncate(path, 10**11)
    return path


@contextmanager
def within(seconds):
    """Fail where a reader waits for what never comes."""

    def late(number, frame):
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_and_never_waited_for(kind, tmp_path):
    said = {
        "pipe": "is no file", "device": "is no file", "folder": "Is a directory",
        "loop": "Too many levels", "empty": "is empty", "text": "is no ONNX file", "huge": "200 MB",
    }  # fmt: skip
    with within(20), pytest.raises(ModelError, match=said[kind]):
        ModelFile(made(kind, tmp_path))


@pytest.mark.parametrize(("text", "message"), RECORDS.values(), ids=RECORDS)
def test_metadata_of_any_form_end_in_one_sentence(text, message, tmp_path):
    path = write_model(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.metadata_props[0].value = f'{{"format": 1, "x": {text}}}'
    onnx.save(model, path)
    with pytest.raises(ModelError, match=message):
        ModelFile(path)


@pytest.mark.parametrize(("record", "message"), FIELDS.values(), ids=FIELDS)
def test_fields_of_a_wrong_kind_end_in_one_sentence(record, message, tmp_path):
    with pytest.raises(ModelError, match=message) as found:
        ModelFile(write_model(tmp_path / "m.onnx", record=record))
    assert len(str(found.value)) < 500


def test_names_that_are_no_text_are_refused_and_nothing_is_printed(tmp_path, capfd):
    path = write_model(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes().replace(b"Softmax", b"Sof\xff\xfeax"))
    with pytest.raises(ModelError, match=r"is no ONNX file .*codec can't decode"):
        ModelFile(path)
    assert capfd.readouterr() == ("", "")


def test_metadata_that_are_no_text_are_refused(tmp_path):
    path = write_model(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes().replace(b'"# small"', b'"# sm\xff\xfel"'))
    with pytest.raises(ModelError, match=r"its metadata are no text|is no ONNX file"):
        ModelFile(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": float("nan")}, "cannot score: the model small 1 says a distance of nan"),
        ({"nan_below": 255.0}, r"cannot score: the model small 1 says no probabilities \(sum nan"),
        ({"excess": 1.0}, r"cannot score: the model small 1 says no probabilities \(sum 41"),
    ],
)
def test_a_model_that_cannot_answer_is_refused_when_it_is_opened(options, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        ModelFile(write_model(tmp_path / "m.onnx", **options))


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """A file that a model with `nan_below=60` has no answer to: it ends below 8 kHz."""
    folder = tmp_path_factory.mktemp("music")
    return write(folder / "dull.wav", noise(11, rate_hz=RATE_HZ, channels=2), RATE_HZ)


@pytest.fixture
def silent_on_dull(tmp_path):
    """A model that answers `check_image`, and says NaN of what has little above 6 kHz."""
    return write_model(tmp_path / "dull.onnx", nan_below=60.0)


def test_no_answer_to_one_recording_is_an_error_of_it_alone(silent_on_dull, music):
    scorer = Scorer(silent_on_dull, detect=False)
    with pytest.raises(UnfitInputError, match=r"no_answer: the model small 1 says no prob.*nan"):
        scorer.score_file(music)
    bright = noise(11, rate_hz=48_000, channels=2)
    assert scorer.score(bright, 48_000).mos is not None


@pytest.fixture(scope="module")
def run():
    """Run any command in this process."""
    musqa = command_line()

    def run(*arguments, **options):
        with within(60):
            return CliRunner().invoke(musqa, list(map(str, arguments)), **options)

    return run


def test_the_gate_is_shut_where_there_is_no_answer(silent_on_dull, music, run):
    for how in (("--min-mos", "1"), ("--write-baseline", music.parent / "b.csv")):
        ended = run("gate", music, "--model", silent_on_dull, "--json", *how)
        assert ended.exit_code == 1
        found = json.loads(ended.stdout)
        assert (found["passed"], found["mos"]) == (False, None)
        assert "no_answer: the model small 1 says no probabilities" in found["reasons"][0]


def test_no_door_lets_a_number_out_that_is_none(silent_on_dull, music, run, tmp_path):
    scored = run("score", music, "--model", silent_on_dull, "--json")
    assert scored.exit_code == 1
    assert json.loads(scored.stdout)["error"].startswith("no_answer: ")
    scanned = run("scan", music.parent, "--out", tmp_path / "s", "--model", silent_on_dull)
    assert scanned.exit_code == 1
    assert "no_answer: " in (tmp_path / "s" / "scan.csv").read_text()
    raw = np.ascontiguousarray(noise(4, rate_hz=RATE_HZ), "<f4").tobytes()
    how = ("--rate", RATE_HZ, "--channels", 1, "--window", 3)
    streamed = run("score", "--stream", *how, "--model", silent_on_dull, input=raw)
    assert isinstance(streamed.exception, UnfitInputError)


DOORS = {
    "score": ("score", "a.wav", "--model"),
    "stream": ("score", "--stream", "--model"),
    "gate": ("gate", "a.wav", "--min-mos", "1", "--model"),
    "scan": ("scan", ".", "--model"),
    "serve": ("serve", "--port", "0", "--model"),
    "sweep": ("sweep", "a.wav", "--codec", "mp3", "--model"),
    "use": ("model", "use"),
    "compare": ("compare", "a.wav", "a.wav", "--model"),
    "export": ("model", "export"),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_a_pipe_as_a_model(door, run, music, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").symlink_to(music)
    ended = run(*DOORS[door], made("pipe", tmp_path))
    assert isinstance(ended.exception, MusqaError), ended.exception
    assert len(str(ended.exception).splitlines()) == 1


@pytest.mark.parametrize("file", ["settings.json", "weights.pt"])
@pytest.mark.parametrize("kind", NO_FILES)
def test_a_run_whose_files_are_none_is_refused(kind, file, tmp_path):
    folder = write_run(tmp_path / "run", drawn_network())
    seals.remove(folder / file)  # a file with a seal heals, or is refused as damaged
    made(kind, tmp_path).rename(folder / file)
    if kind == "loop":
        (folder / file).unlink()
        (folder / file).symlink_to(folder / file)
    with within(20), pytest.raises(LakeError, match=file) as found:
        TrainedRun(folder)
    assert len(str(found.value).splitlines()) == 1


@pytest.mark.parametrize("text", [DEEP, "[]", "3", '{"model": "insenet", "settings": 3}', "{}"])
def test_a_run_with_other_settings_is_refused(text, tmp_path):
    folder = write_run(tmp_path / "run", drawn_network())
    seals.remove(folder / "settings.json")
    (folder / "settings.json").write_text(text)
    with pytest.raises(LakeError, match=r"settings\.json.*train the network again"):
        TrainedRun(folder)


def test_weights_that_are_nan_are_refused_and_so_is_an_answer(tmp_path):
    network = drawn_network()
    torch.nn.init.constant_(network.quality.bias, float("nan"))
    with pytest.raises(LakeError, match=r"weights\.pt holds weights that are NaN; train it again"):
        TrainedRun(write_run(tmp_path / "nan", network))
    run = TrainedRun(write_run(tmp_path / "run", drawn_network()))
    torch.nn.init.constant_(run.network.quality.bias, float("inf"))
    with pytest.raises(UnfitInputError, match="no_answer: the network's answer is no number"):
        Comparer(run).compare(*(level * noise(3, rate_hz=48_000)[:, 0] for level in (1.0, 0.5)))


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_any_flipped_bit_of_the_shipped_model_is_found(tmp_path):
    data, path = SHIPPED.read_bytes(), tmp_path / "m.onnx"
    assert digest(data) == SHIPPED_DIGEST
    assert ModelFile(SHIPPED).sealed
    for bit in np.random.default_rng(14).integers(0, 8 * len(data), 80):
        path.write_bytes(flipped(data, int(bit)))
        with pytest.raises(ModelError, match="is damaged: its bytes are not those"):
            ModelFile(path)


def small_sealed(path, **wrong):
    """Write a small model with its answers and a seal, or with other answers."""
    found = ModelFile(write_model(path)).answer(check_image())
    stored = as_stored(found.probability, found.distance) | wrong
    write_model(path, record={"answers": stored})
    path.write_bytes(sealed(path.read_bytes()))
    return path


def test_every_flipped_bit_of_a_seal_is_found(tmp_path):
    data, path = small_sealed(tmp_path / "m.onnx").read_bytes(), tmp_path / "flipped.onnx"
    assert ModelFile(tmp_path / "m.onnx").sealed
    for bit in range(8 * (len(data) - 60), 8 * len(data)):
        path.write_bytes(flipped(data, bit))
        with pytest.raises(ModelError, match=r"is damaged|is no ONNX file|are no text"):
            ModelFile(path)


def test_a_model_without_a_seal_opens_and_says_so(model_path):
    model = ModelFile(model_path)
    assert not model.sealed
    assert "answers" not in model.record


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"distance": 0.75}, r"differ by 0 and 0\.25 from those in its metadata, at most 0\.001"),
        ({"distance": float("nan")}, "differ by 0 and nan"),
        ({"probability": [0.025] * 40}, r"differ by 0\.\d+ and 0 from"),
        ({"probability": [1.0]}, "are no numbers, or not as many as it has steps"),
        ({"probability": "x"}, "are no numbers"),
    ],
)
def test_a_machine_that_answers_otherwise_is_told(wrong, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        ModelFile(small_sealed(tmp_path / "m.onnx", **wrong))


def test_another_model_in_the_place_of_the_shipped_one_is_refused(tmp_path, monkeypatch):
    path = small_sealed(tmp_path / "m.onnx")
    monkeypatch.setattr("musqa_pipeline.scoring.model_file.SHIPPED", path)
    with pytest.raises(ModelError, match="is not the model that this version of musqa ships"):
        ModelFile(path)


def test_a_seal_is_of_all_bytes_before_it():
    assert not has_seal(b"")
    assert not has_seal(b"anything")
    assert has_seal(sealed(b"anything"))
    assert sealed(b"anything").startswith(b"anything")
    with pytest.raises(BrokenSealError, match="not those that its digest is of"):
        has_seal(b"x" + sealed(b"anything"))
