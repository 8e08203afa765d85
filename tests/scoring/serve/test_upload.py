"""Bodies of requests: raw or a form, counted as they come, whatever their headers say."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from musqa_pipeline.scoring.serve import upload
from musqa_pipeline.scoring.serve.problems import ProblemError
from musqa_pipeline.scoring.serve.upload import save_body

AUDIO = bytes(range(256)) * 20 + b"\r\n--edge\r\nnot the end\r\n"
FORM_TYPE = "multipart/form-data; boundary=other"


def form(audio=AUDIO, *, name="file", file_name="../../etc/passwd", end=b"--other--\r\n"):
    head = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n\r\n'
    before = b'--other\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    return before + b"--other\r\n" + head.encode() + audio + b"\r\n" + end


async def in_chunks(body, cuts=()):
    start = 0
    for cut in [*sorted(cuts), len(body)]:
        yield body[start:cut]
        start = max(start, cut)


def saved(tmp_path, chunks, content_type, max_bytes=1_000_000):
    path = tmp_path / "recording"
    asyncio.run(save_body(chunks, content_type, path, max_bytes))
    return path.read_bytes()


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(0, len(form())), max_size=12))
def test_a_form_gives_its_file_however_it_is_cut(tmp_path_factory, cuts):
    folder = tmp_path_factory.mktemp("form")
    assert saved(folder, in_chunks(form(), cuts), FORM_TYPE) == AUDIO
    assert [path.name for path in folder.iterdir()] == ["recording"]  # not the client's name


@pytest.mark.parametrize("kind", ["audio/flac", "application/octet-stream", "", "video/mp4"])
def test_a_raw_body_is_the_file(tmp_path, kind):
    assert saved(tmp_path, in_chunks(AUDIO, [1, 7, 700]), kind) == AUDIO


@pytest.mark.parametrize("kind", ["audio/wav", FORM_TYPE])
def test_an_endless_body_is_cut_off_at_the_limit(tmp_path, kind):
    sent = 0

    async def endless():
        nonlocal sent
        if kind == FORM_TYPE:
            yield form(b"", end=b"")
        while True:
            sent += 10_000
            yield bytes(10_000)

    with pytest.raises(ProblemError, match=r"larger than 0\.05 MB; send a part") as caught:
        saved(tmp_path, endless(), kind, max_bytes=50_000)
    assert (caught.value.status, caught.value.code) == (413, "too_large")
    assert sent <= 70_000
    assert (tmp_path / "recording").stat().st_size <= 70_000


def test_what_a_form_holds_beside_its_file_is_limited_too(tmp_path):
    long_note = form(b"x" * upload.FORM_BYTES, name="note")
    with pytest.raises(ProblemError, match="beside its file"):
        saved(tmp_path, in_chunks(long_note + form(), [40_000, 66_000]), FORM_TYPE)


@pytest.mark.parametrize(
    ("content_type", "body", "status", "text"),
    [
        ("text/html; charset=utf-8", AUDIO, 415, "Content-Type text/html: send the bytes of an"),
        ("application/json", b"{}", 415, "Content-Type application/json"),
        ("audio/wav", b"", 422, "no audio came; send a file as the part 'file'"),
        (FORM_TYPE, form(name="other"), 422, "no audio came"),
        (FORM_TYPE, form()[:-20], 400, "the form cannot be read"),
        (FORM_TYPE, b"no form at all", 400, "the form cannot be read"),
        ("multipart/form-data", form(), 400, r"cannot be read \(no boundary\); send it as curl -F"),
        (FORM_TYPE, form(file_name="x" * 9_000), 400, "the form cannot be read"),
    ],
)
def test_what_cannot_be_taken_is_refused(tmp_path, content_type, body, status, text):
    with pytest.raises(ProblemError, match=text) as caught:
        saved(tmp_path, in_chunks(body), content_type)
    assert caught.value.status == status


def test_a_client_that_hangs_up_is_no_fault_of_the_server(tmp_path):
    async def broken():
        yield AUDIO
        raise ClientDisconnect

    with pytest.raises(ProblemError, match="the client hung up; send it again") as caught:
        saved(tmp_path, broken(), "audio/wav")
    assert caught.value.status == 400


def test_room_is_taken_before_anything_is_written(tmp_path):
    asked = []

    def take(n_bytes):
        asked.append(n_bytes)
        if sum(asked) > 1_000:
            raise ProblemError(503, "no_room", "no room")

    path = tmp_path / "recording"
    with pytest.raises(ProblemError, match="no room"):
        asyncio.run(save_body(in_chunks(AUDIO, [700, 900, 2_000]), "", path, 10**6, take))
    assert asked == [700, 200, 1_100]
    assert path.stat().st_size == 900


def test_a_full_disk_is_said():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(ProblemError, match="the server's disk is full") as caught:
        asyncio.run(save_body(in_chunks(AUDIO), "audio/wav", Path("/dev/full"), 10**6))
    assert caught.value.status == 507
