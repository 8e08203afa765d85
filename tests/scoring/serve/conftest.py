"""What tests of the server share: a server of its own and its page, in a browser."""

import os
import re
import subprocess
import sys

import anyio
import pytest
import soundfile

from tests.scoring.serve.browser import Browser
from tests.scoring.serve.faulty import RATE_HZ, faulty_music
from tests.scoring.sweep.tiny_model import write_tiny_model

# anyio loads `open_file` when it is first asked for, and pytest then parses that module. Python
# 3.11 fails to parse when the collector meanwhile ends what other tests left (a connection of
# Dagster's to SQLite, say), so it is loaded here, before any test.
assert anyio.open_file

KNOWN = "document.getElementById('model').textContent.startsWith('tiny')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_tiny_model(folder / "tiny.onnx")
    soundfile.write(folder / "faulty, née ♫.flac", faulty_music(), RATE_HZ)
    soundfile.write(folder / "old.aiff", faulty_music(12), RATE_HZ)  # Chromium plays none
    (folder / "notes.txt").write_text("no music\n" * 100)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    """A server of its own, from the command line, on a free port."""
    command = [sys.executable, "-m", "musqa_pipeline.cli", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--model", str(folder / "tiny.onnx"), "--max-mb", "20"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as server:
        line = server.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        yield found[0]
        server.send_signal(subprocess.signal.SIGINT)
        server.wait(20)
    assert not list(folder.glob("musqa-serve-*"))


@pytest.fixture
def page(address):
    with Browser() as browser:
        browser.open(address)
        browser.wait_for(KNOWN)
        yield browser
