"""Who is served next, what ends a hostile recording, and that no file stays."""

import asyncio
import math
import os
import signal
import time

import pytest

from musqa_pipeline.core.errors import LakeError, SettingsError, UnfitInputError
from musqa_pipeline.scoring.serve.desk import Desk, _told
from musqa_pipeline.scoring.serve.problems import ProblemError
from musqa_pipeline.scoring.serve.settings import ServeSettings


@pytest.fixture
def desk(tmp_path):
    desk = Desk(ServeSettings(workers=1, waiting=1, timeout_s=1.0), tmp_path)
    yield desk
    desk.close()


def test_work_is_done_in_another_process(desk):
    assert asyncio.run(desk.run(math.hypot, 3, 4)) == 5.0
    assert asyncio.run(desk.run(os.getpid)) != os.getpid()


def test_work_that_takes_too_long_is_stopped(desk):
    asyncio.run(desk.run(os.getpid))
    began = time.monotonic()
    with pytest.raises(
        ProblemError, match="took longer than 1 s and was stopped; send a"
    ) as caught:
        asyncio.run(desk.run(time.sleep, 300))
    assert (caught.value.status, caught.value.code) == (504, "too_slow")
    assert time.monotonic() - began < 60
    assert asyncio.run(desk.run(math.sqrt, 4)) == 2.0  # the next one is served


def test_a_worker_that_dies_is_an_error_of_its_recording(desk):
    with pytest.raises(ProblemError, match="the process that read this file died of it") as caught:
        asyncio.run(desk.run(signal.raise_signal, signal.SIGKILL))
    assert caught.value.status == 422
    assert asyncio.run(desk.run(math.sqrt, 9)) == 3.0


def test_too_many_are_told_to_come_again(desk):
    with desk.admitted(), desk.admitted():
        assert desk.n_admitted == 2
        refused = desk.admitted()
        with pytest.raises(ProblemError, match="2 recordings are being scored or wait") as caught:
            refused.__enter__()
        assert caught.value.status == 503
        assert caught.value.headers == {"Retry-After": "5"}
        with pytest.raises(ProblemError, match="2 recordings are being scored or wait"):
            desk.refuse_if_full()
    with desk.admitted():
        assert desk.n_admitted == 1


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnfitInputError("unknown_format", "soundfile cannot read it", "x"), 415, "unknown_format"),
        (UnfitInputError("damaged", "no known audio format: x", "y"), 415, "not_audio"),
        (UnfitInputError("damaged", "decoding stops after 3 s", "y"), 422, "damaged"),
        (UnfitInputError("too_long", "the header says 2 h", "y"), 413, "too_long"),
        (SettingsError("window=50 s: expected 3 to 10"), 422, "bad_settings"),
        (LakeError("the disk is full"), 500, "server_error"),
        (MemoryError(), 422, "too_much_memory"),
        (ZeroDivisionError("a secret"), 500, "server_error"),
    ],
)
def test_every_error_has_a_status(error, status, code):
    found = _told(error)
    assert (found.status, found.code) == (status, code)
    assert "secret" not in found.message


def test_a_desk_that_stops_tells_those_who_wait(desk):
    async def wait_and_stop():
        work = asyncio.create_task(desk.run(time.sleep, 300))
        await asyncio.sleep(1)
        await asyncio.to_thread(desk.stop)
        with pytest.raises(ProblemError, match="the server is stopping; start it anew") as caught:
            await work
        assert caught.value.status == 503
        with pytest.raises(ProblemError, match="the server is stopping"):
            await desk.run(os.getpid)

    asyncio.run(wait_and_stop())
