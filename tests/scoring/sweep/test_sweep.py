"""`musqa sweep` on made-up music: what it measures, prints and writes."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.codecs import CodecParams, encode_all
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.cli.app import command_line
from musqa_pipeline.cli.commands import COMMANDS
from musqa_pipeline.core.errors import SettingsError, ToolError, UnfitInputError
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.sweep import sweep as sweep_module
from musqa_pipeline.scoring.sweep.measure import Point, coded_kbps
from musqa_pipeline.scoring.sweep.rates import CODECS
from musqa_pipeline.scoring.sweep.references import cut_references, reference_files
from musqa_pipeline.scoring.sweep.sweep import as_record
from musqa_pipeline.scoring.sweep.sweep import sweep as run_sweep
from tests.audio.music import music
from tests.audio.sounds import write
from tests.scoring.sweep.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "refs").mkdir()
    for index, name in enumerate(("one", "two")):
        write(folder / "refs" / f"{name}.flac", music(seed=index), format="FLAC", subtype="PCM_16")
    write(folder / "refs" / "short.wav", music()[:48_000])
    write_tiny_model(folder / "tiny.onnx")
    return folder


@pytest.fixture
def run(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MUSQA_MODEL", str(folder / "tiny.onnx"))
    return lambda *arguments: CliRunner().invoke(command_line("sweep"), ["sweep", *arguments])


@pytest.mark.parametrize("name", CODECS)
def test_the_bitrate_is_that_of_the_packets(name):
    codec = CODECS[name]
    pcm = (music() * 32_768).astype(np.int16)
    (coded,) = encode_all([(pcm, codec, CodecParams(64))])
    found = coded_kbps(codec.demuxer, coded.bitstream)
    whole = 8e-3 * len(coded.bitstream) / (len(pcm) / 48_000)
    if name in ("mp2", "mp3"):
        assert found == pytest.approx(64.0, rel=2e-3)  # constant by their standard
    else:  # pages and headers are not counted, and the rate varies
        assert 0.85 * whole < found < whole


@pytest.mark.parametrize("content", [b"", b"OggS nothing"])
def test_a_stream_without_packets_is_refused(content):
    with pytest.raises(ToolError, match=r"\(ogg, \d+ bytes\) cannot be read back: "):
        coded_kbps("ogg", content)


@pytest.fixture(scope="module")
def swept(folder):
    rates = {"mp3": (32, 64, 192)}
    return run_sweep(folder / "refs" / "one.flac", rates, model=folder / "tiny.onnx")


def test_a_sweep_of_one_file(swept):
    found = as_record(swept)
    assert (found["model"], found["metric"]) == ("tiny 0", Reference.version)
    assert found["recordings"] == ["one.flac"]
    reference, *curve = found["curves"]
    assert (reference["codec"], reference["visqol_mos"]) == ("reference", None)
    assert [step["bitrate_kbps"] for step in curve] == pytest.approx([32, 64, 192], rel=2e-3)
    assert [step["asked_kbps"] for step in curve] == [32, 64, 192]
    visqol = [step["visqol_mos"] for step in curve]
    assert visqol == sorted(visqol)
    assert visqol[0] < 3.5 < visqol[2]
    model = [step["model_mos"] for step in curve]
    assert model[0] < model[2] <= reference["model_mos"] + 0.2  # MP3 cuts low at 32 kbit/s
    assert found["bd_rates"] == []


def test_the_scores_are_those_of_our_engine_and_scorer(swept, folder):
    (found,) = [point for point in swept.points if point.asked_kbps == 64]
    (reference,) = cut_references(folder / "refs" / "one.flac", n_per_file=3, name="one")
    (coded,) = encode_all([(reference.pcm, CODECS["mp3"], CodecParams(64))])
    (heard,) = decode([(coded.container, coded.bitstream)])
    heard = heard[coded.delay_samples :][:EXCERPT_SAMPLES]
    clean = reference.pcm[:EXCERPT_SAMPLES] / 32_768
    assert found.visqol_mos == Reference(clean).score(heard).mos
    assert found.model_mos == Scorer(folder / "tiny.onnx").score(heard, 48_000).mos


@pytest.mark.long
def test_workers_change_nothing(swept, folder):
    rates = {"mp3": (32, 64, 192)}
    path = folder / "refs" / "one.flac"
    again = run_sweep(path, rates, model=folder / "tiny.onnx", n_workers=2)
    assert again.points == swept.points


def made_up(task):
    """Points as a fine codec and a poor one would give them, without any codec."""
    recording = task.reference.recording
    if not task.codec:
        return [Point(recording, 0, "", None, None, None, 4.6)]
    better = 0.4 if task.codec == "opus" else 0.0
    return [
        Point(recording, 0, task.codec, kbps, 1.05 * kbps, mos + better, mos + better - 0.1)
        for kbps, mos in zip(task.asked_kbps, (2.0, 3.0, 3.6, 4.0), strict=True)
    ]


def test_a_folder_and_two_codecs_as_files(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_module, "measure", made_up)
    arguments = ("--codec", "opus", "--codec", "vorbis", "--bitrates", "32,48,64,96")
    ended = run("refs", *arguments, "--out", str(tmp_path))
    assert ended.exit_code == 0, ended.output
    assert "2 recordings, musqa-visqol 1, model tiny 0" in ended.stdout
    assert "warning: short.wav: it lasts 1.000 s; encode at least 10 s" in ended.stderr
    assert re.search(r"^opus +32 +33\.6 +2\.40 +2\.30", ended.stdout, re.MULTILINE)
    said = re.findall(
        r"^BD-rate of vorbis against opus by ([\w ]+): \+(\d+)\.\d % \(MOS",
        ended.stdout,
        re.MULTILINE,
    )
    assert [who for who, _ in said] == ["ViSQOL", "the model"]
    assert said[0][1] == said[1][1]  # a shift of the scale is none of the rate
    record = json.loads((tmp_path / "sweep.json").read_text())
    with (tmp_path / "sweep.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == (
        "codec", "asked_kbps", "bitrate_kbps", "visqol_mos", "visqol_mos_low", "visqol_mos_high",
        "model_mos", "model_mos_low", "model_mos_high", "n_recordings", "n_model_recordings",
    )  # fmt: skip
    assert [row["codec"] for row in rows] == ["reference"] + 4 * ["opus"] + 4 * ["vorbis"]
    assert float(rows[1]["visqol_mos"]) == record["curves"][1]["visqol_mos"] == 2.4
    with (tmp_path / "sweep_points.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == 2 * (1 + 4 + 4)
    picture = Image.open(io.BytesIO((tmp_path / "sweep.png").read_bytes()))
    assert picture.width > 600
    svg = (tmp_path / "sweep.svg").read_text()
    assert "prefers-color-scheme: dark" in svg
    assert 'aria-label="ViSQOL MOS-LQO over bitrate: opus from 2.40 at 34 kbit/s to 4.40' in svg
    assert "#0102" not in svg  # every marker colour has become a variable


def test_csv_goes_to_standard_output(run, monkeypatch):
    monkeypatch.setattr(sweep_module, "measure", made_up)
    ended = run("refs/one.flac", "--codec", "opus", "--bitrates", "32,48,64,96", "--csv")
    rows = list(csv.DictReader(ended.stdout.splitlines()))
    assert [row["asked_kbps"] for row in rows] == ["", "32", "48", "64", "96"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nowhere", "--codec", "opus"), "nowhere does not exist; check the path"),
        (("refs/short.wav", "--codec", "opus"), "no file can serve as a reference: short.wav: it"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run, arguments, text):
    ended = run(*arguments)
    assert isinstance(ended.exception, SettingsError)
    assert text in str(ended.exception)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("refs", "--codec", "wma"), "--codec wma: unknown"),
        ((".", "--codec", "opus", "--bitrates", "1:2"), "opus has no step there"),
    ],
)
def test_what_no_codec_takes_is_wrong_usage(run, arguments, text):
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert text in " ".join(ended.stderr.replace("│", " ").split())


def test_json_and_csv_exclude_each_other(run):
    ended = run("refs", "--codec", "opus", "--json", "--csv")
    assert ended.exit_code == 2
    assert "give --json or --csv, not both" in ended.stderr


def test_without_the_factory_it_says_what_to_install(monkeypatch):
    command = replace(COMMANDS["sweep"], libraries=("no_such_library",))
    monkeypatch.setitem(COMMANDS, "sweep", command)
    ended = CliRunner().invoke(command_line("sweep"), ["sweep", "a.wav", "--codec", "opus"])
    assert "musqa sweep needs no_such_library" in str(ended.exception)
    assert "pip install 'musqa-pipeline[factory]'" in str(ended.exception)


def test_references_are_cut_by_content_and_not_by_name(folder, tmp_path):
    copy = tmp_path / "another name.flac"
    copy.write_bytes((folder / "refs" / "one.flac").read_bytes())
    (first,) = cut_references(folder / "refs" / "one.flac", n_per_file=1, name="a")
    (second,) = cut_references(copy, n_per_file=1, name="b")
    assert first.start_s == second.start_s
    np.testing.assert_array_equal(first.pcm, second.pcm)


def test_excerpts_do_not_overlap(tmp_path):
    path = write(tmp_path / "long.wav", np.concatenate([music(seed=5), music(seed=6)]))
    first, second = cut_references(path, n_per_file=3, name="long")
    assert first.start_s + 10 <= second.start_s
    assert (first.index, second.index) == (0, 1)


@pytest.mark.parametrize(
    ("name", "samples", "text"),
    [
        ("quiet.wav", 1e-5 * music(), "too_quiet: nothing in it is louder than -45 LUFS"),
        ("broken.flac", None, "damaged: no known audio format"),
    ],
)
def test_files_that_cannot_serve_say_why(tmp_path, name, samples, text):
    path = tmp_path / name
    if samples is None:
        path.write_bytes(b"fLaC nothing")
    else:
        write(path, samples, subtype="FLOAT")
    with pytest.raises(UnfitInputError, match=text):
        cut_references(path, n_per_file=1, name=name)


def test_a_folder_without_audio_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="holds no audio file; check the path"):
        reference_files(tmp_path)
