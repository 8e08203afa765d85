"""The API, from a request to its answer, with real workers."""

import base64
import io
import re
import socket
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
import soundfile
import uvicorn
from fastapi.testclient import TestClient

from musqa_pipeline.audio.files.listing import AUDIO_SUFFIXES
from musqa_pipeline.core.errors import ModelError, SettingsError
from musqa_pipeline.scoring.model_file import load_model
from musqa_pipeline.scoring.picture.levels import measure_levels
from musqa_pipeline.scoring.picture.view import Scale, View
from musqa_pipeline.scoring.score import Event, Score, WindowScore
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.serve.app import PAGES, create_app
from musqa_pipeline.scoring.serve.run import serve
from musqa_pipeline.scoring.serve.settings import ServeSettings
from musqa_pipeline.scoring.words import WORDS
from tests.audio.music import music
from tests.audio.sounds import write
from tests.scoring.sweep.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serve")
    write_tiny_model(folder / "tiny.onnx")
    write(folder / "song.flac", music()[:192_000], format="FLAC", subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def client(folder):
    settings = ServeSettings(max_mb=1.0, max_minutes=0.2)
    app = create_app(settings, load_model(folder / "tiny.onnx"))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client
        (own,) = app.state.desk.spool.path.parent.glob(app.state.desk.spool.path.name)
        assert [path.name for path in own.iterdir()] == ["lock"]  # nothing that was sent is kept
    assert not own.exists()


@pytest.fixture(scope="module")
def song(folder):
    return (folder / "song.flac").read_bytes()


@pytest.fixture(scope="module")
def scored(client, song):
    found = client.post("/api/v1/score?spectrogram=true", content=song)
    assert found.status_code == 200, found.text
    return found.json()


def test_a_score_is_that_of_the_scorer(scored, folder):
    expected = Scorer(folder / "tiny.onnx").score_file(folder / "song.flac")
    score = scored["score"]
    assert score["mos"] == expected.mos
    assert [part["mos"] for part in score["windows"]] == [part.mos for part in expected.windows]
    assert [event["text"] for event in score["events"]] == [e.text for e in expected.events]
    assert (score["duration_s"], score["channels"], score["model"]) == (4.0, 1, "tiny 0")
    assert score["flags"] == list(expected.flags)
    assert scored["meaning"] == score["sentence"]
    assert score["sentence"].endswith(".")
    assert scored["spectrogram"]["columns"] > 100


def test_a_form_gives_the_same(client, song, scored):
    sent = {"file": ("../../../etc/passwd", song, "audio/x-anything")}
    found = client.post("/api/v1/score", files=sent).json()
    assert found == {**scored, "spectrogram": None}


def test_a_preview_is_the_recording_as_wav(client, song):
    found = client.post("/api/v1/preview", content=song)
    assert found.headers["content-type"] == "audio/wav"
    heard, rate_hz = soundfile.read(io.BytesIO(found.content), dtype="float32")
    assert rate_hz == 48_000
    np.testing.assert_allclose(heard, music()[:192_000], atol=1 / 32_768)


def test_a_preview_of_many_channels_at_a_high_rate_is_playable(client, tmp_path):
    path = write(tmp_path / "six.wav", np.zeros((9_600, 6), np.float32) + 0.25, 96_000)
    found = client.post("/api/v1/preview", content=path.read_bytes())
    heard, rate_hz = soundfile.read(io.BytesIO(found.content))
    assert (heard.shape, rate_hz) == ((4_800,), 48_000)
    assert heard[2_000] == pytest.approx(0.25, abs=1e-3)


def test_a_part_is_looked_at(client, song, folder):
    asked = "start_s=1&stop_s=2&low_hz=100&high_hz=9000&scale=log&columns=60&rows=40"
    found = client.post(f"/api/v1/spectrogram?{asked}", content=song)
    assert found.status_code == 200, found.text
    answer = found.json()
    view = View(
        start_s=1, stop_s=2, low_hz=100, high_hz=9_000, scale=Scale.log, columns=60, rows=40
    )
    expected = measure_levels(folder / "song.flac", view)
    cells = np.frombuffer(base64.b64decode(answer.pop("levels")), np.uint8).reshape(60, 40)
    levels_db = answer["lowest_db"] + answer["step_db"] * cells.astype(float)
    np.testing.assert_allclose(levels_db, np.minimum(expected.cells_db, 5), atol=0.26)
    assert answer == {
        "duration_s": 4.0, "sample_rate_hz": 48_000, "channels": 1, "start_s": 1.0, "stop_s": 2.0,
        "low_hz": 100.0, "high_hz": 9_000.0, "scale": "log", "channel": "mix",
        "frame_s": 2048 / 48_000, "columns": 60, "rows": 40, "lowest_db": -122.5, "step_db": 0.5,
    }  # fmt: skip


PNG = b"\x89PNG\r\n\x1a\n" + bytes(2_000)


@pytest.mark.parametrize(
    ("path", "content", "status", "text"),
    [
        ("score", PNG, 415, ""),
        ("preview", PNG, 415, ""),
        ("score", b"fLaC nothing else", 415, ""),
        (
            "score",
            b"ffconcat version 1.0\nfile song.flac\n",
            415,
            "the file holds no audio stream (a picture, a playlist",
        ),
        ("score", b"", 422, "no audio came"),
        ("score", bytes(1_100_000), 413, "the file is larger than 1 MB; send a part of it"),
        ("score?window_s=50", b"x", 422, "window_s: Input should be less than or equal to 10"),
        ("score?hop_s=soon", b"x", 422, "hop_s: Input should be a valid number"),
        ("spectrogram", PNG, 415, ""),
        ("spectrogram?columns=5000", b"x", 422, "columns: Input should be less than or equal to"),
        ("spectrogram?scale=bark", b"x", 422, "scale: Input should be 'linear', 'mel' or 'log'"),
        ("spectrogram?start_s=nan", b"x", 422, "start_s: Input should be a finite number"),
        ("spectrogram?start_s=3&stop_s=3", b"x", 422, "stop_s 3.0: expected at least 0.001 s"),
        ("spectrogram?channel=both", b"x", 422, "channel both: expected mix, left, right"),
    ],
)
def test_what_cannot_be_scored_is_a_sentence(client, path, content, status, text):
    found = client.post(f"/api/v1/{path}", content=content)
    assert found.status_code == status, found.text
    error = found.json()["error"]
    assert text in error["message"]
    assert set(error) == {"code", "message"}
    assert len(error["message"]) > 10


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("start_s=9", "start_s 9: the recording ends at 4.0 s; begin earlier"),
        ("channel=side", "channel side: the recording has one channel; ask for mix"),
        ("low_hz=30000", "low_hz 30000: expected less than 24000"),
    ],
)
def test_what_a_recording_has_not_is_a_sentence(client, song, asked, text):
    found = client.post(f"/api/v1/spectrogram?{asked}", content=song)
    assert (found.status_code, found.json()["error"]["code"]) == (422, "bad_settings")
    assert text in found.json()["error"]["message"]


def test_what_is_too_long_is_refused_by_its_header_and_when_it_is_decoded(client):
    quiet = io.BytesIO()
    soundfile.write(quiet, np.zeros(48_000 * 13, np.int16), 48_000, format="FLAC")
    found = client.post("/api/v1/score", content=quiet.getvalue())
    assert (found.status_code, found.json()["error"]["code"]) == (413, "too_long")


def test_a_truncated_recording_is_refused(client, song):
    found = client.post("/api/v1/score", content=song[: len(song) // 2])
    assert found.status_code == 422, found.text
    assert "decoding stops after" in found.json()["error"]["message"]


def test_a_body_is_refused_by_the_length_that_it_claims(client):
    def never():
        raise AssertionError("it was read")
        yield b""

    claimed = {"Content-Length": str(10**15)}
    found = client.post("/api/v1/score", content=never(), headers=claimed)
    assert (found.status_code, found.json()["error"]["code"]) == (413, "too_large")


def test_no_room_is_said_and_given_back(client, song):
    spool = client.app.state.desk.spool
    with spool.folder() as others:
        others.take(spool._room_bytes - len(song) + 1)
        found = client.post("/api/v1/score", content=song)
        assert (found.status_code, found.headers["retry-after"]) == (503, "5")
        assert found.json()["error"]["code"] == "no_room"
    assert spool._taken_bytes == 0


def test_a_full_queue_is_said(client, song):
    desk = client.app.state.desk
    desk.n_admitted += 100
    try:
        found = client.post("/api/v1/score", content=song)
    finally:
        desk.n_admitted -= 100
    assert (found.status_code, found.headers["retry-after"]) == (503, "5")


def test_facts(client):
    assert client.get("/healthz").json() == {"status": "ok", "busy": 0}
    limits = client.get("/api/v1/limits").json()
    assert limits == {"max_mb": 1.0, "max_minutes": 0.2, "timeout_s": 120.0}
    model = client.get("/api/v1/model").json()
    assert (model["name"], model["version"], model["calibrated"]) == ("tiny", "0", False)
    assert re.fullmatch("[0-9a-f]{32}", model["digest"])
    words = client.get("/api/v1/words").json()
    assert [word["name"] for word in words["words"]] == [word.name for word in WORDS]
    assert [word["from_mos"] for word in words["words"]] == [word.from_mos for word in WORDS]


def test_an_unknown_page_points_to_the_description(client):
    found = client.get("/docs")  # FastAPI's own, which would load scripts from the web
    assert found.status_code == 404
    assert found.json()["error"]["message"] == "GET /docs: Not Found; see /api/docs"


def test_the_description_names_every_call_and_type(client):
    found = client.get("/api/openapi.json").json()
    assert set(found["paths"]) == {
        *("/healthz", "/api/v1/limits", "/api/v1/model", "/api/v1/words"),
        *("/api/v1/score", "/api/v1/preview", "/api/v1/spectrogram"),
    }
    body = found["paths"]["/api/v1/score"]["post"]["requestBody"]["content"]
    assert set(body) == {"audio/*", "application/octet-stream", "multipart/form-data"}
    score = found["components"]["schemas"]["RecordingScore"]["properties"]
    for name, kind in (
        ("RecordingScore", Score),
        ("WindowAnswer", WindowScore),
        ("EventAnswer", Event),
    ):
        described = found["components"]["schemas"][name]["properties"]
        assert list(described) == list(kind.__dataclass_fields__), name
    assert "90 % interval" in score["mos_high"]["description"]


def test_pages_are_served_and_name_no_other_server(client):
    for path, (_, media_type) in PAGES.items():
        found = client.get(path)
        assert (found.status_code, found.headers["content-type"]) == (200, media_type)
        assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]", found.text), path
        assert not re.search(r"<script(?! src=)|<style| style=| on[a-z]+=", found.text), path
    web = files("musqa_pipeline.scoring.serve") / "web"
    assert {name for name, _ in PAGES.values()} == {path.name for path in web.iterdir()}


def test_the_page_takes_of_a_folder_what_a_scan_takes():
    web = files("musqa_pipeline.scoring.serve") / "web"
    text = (web / "recordings.js").read_text("utf-8")
    listed = re.search(r"const SUFFIXES = new Set\(\((.*?)\)\.split", text, re.DOTALL)[1]
    assert {f".{name}" for name in re.findall(r"\w+", listed)} == AUDIO_SUFFIXES


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"max_mb": 0}, "--max-mb 0: expected a number above 0"),
        ({"max_minutes": float("nan")}, "--max-minutes nan: expected a number above 0"),
        ({"timeout_s": -1}, "--timeout-s -1: expected a number above 0"),
        ({"port": 70_000}, "--port 70000: expected 0 to 65535"),
        ({"workers": 0}, "--workers 0, --waiting 8: expected at least 1 and 0"),
        ({"patience_s": 0}, "--patience-s 0: expected a number above 0"),
        ({"min_kbps": float("inf")}, "--min-kbps inf: expected a number above 0"),
        ({"max_per_client": 300}, "--max-per-client 300, --max-connections 256: expected 1 to"),
        ({"disk_mb": 100}, r"--disk-mb 100: expected at least --max-mb \(200\)"),
    ],
)
def test_wrong_settings_are_refused(wrong, text):
    with pytest.raises(SettingsError, match=text):
        ServeSettings(**wrong)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("pc", False)],
)
def test_loopback_is_known(host, loopback):
    assert ServeSettings(host=host).is_loopback is loopback


def test_a_taken_port_and_a_missing_model_are_one_sentence(folder, monkeypatch, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = ServeSettings(port=port, model=folder / "tiny.onnx")
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1 port {port} .*choose"):
            serve(settings, print)
    with pytest.raises(ModelError, match="cannot read the model"):
        serve(ServeSettings(model=tmp_path / "none.onnx"), print)


def test_open_files_are_allowed_or_asked_for(folder):
    program = (  # of its own, as a process that ran other tests may hold more than 200 files
        "import pathlib, resource, sys, uvicorn\n"
        "from musqa_pipeline.scoring.serve.run import ServeSettings, serve\n"
        "uvicorn.Server.run = lambda self, sockets: None\n"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))\n"
        "model = pathlib.Path(sys.argv[1])\n"
        "serve(ServeSettings(port=0, model=model, max_connections=300), lambda line: None)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    model = folder / "tiny.onnx"
    command = [sys.executable, "-c", program, str(model)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["556"]
    too_many = ServeSettings(port=0, model=model, max_connections=2_000_000_000)
    with pytest.raises(SettingsError, match=r"--max-connections 2000000000 need .*; name fewer"):
        serve(too_many, print)


def test_a_server_that_others_reach_says_so(folder, monkeypatch):
    said = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: said.append("runs"))
    serve(ServeSettings(host="0.0.0.0", port=0, model=folder / "tiny.onnx"), said.append)
    assert said[0].startswith("warning: 0.0.0.0 can be reached by other machines")
    serve(ServeSettings(port=0, model=folder / "tiny.onnx"), said.append)
    assert re.fullmatch(r"musqa serves at http://127\.0\.0\.1:\d+/ with tiny 0; .*", said[3])
    assert said[2] == said[4] == "runs"


def test_the_server_needs_nothing_of_the_factory():
    program = (
        "import sys, musqa_pipeline.scoring.serve.run, musqa_pipeline.scoring.serve.work; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(ended.stdout.split())
    assert {"fastapi", "uvicorn", "soundfile"} <= loaded
    factory = {"av", "dagster", "matplotlib", "numba", "pandas", "polars", "psutil", "pyarrow"}
    assert not loaded & (factory | {"torch", "jinja2", "requests", "librosa"})
