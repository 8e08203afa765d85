"""Take the pictures of `musqa serve`: ``.venv/bin/python docs/scripts/take_serve_pictures.py``.

A synthesised song is damaged at known places, a server of its own scores it, and headless Chromium
photographs the page, wide and narrow, light and dark. The model is the one that `musqa score` uses.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from small_pictures import make_small

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from musqa_pipeline.audio.degradations.codecs import MP3, CodecParams, encode_all  # noqa: E402
from musqa_pipeline.audio.degradations.ffmpeg import decode  # noqa: E402
from musqa_pipeline.audio.files.flac import to_int16  # noqa: E402
from musqa_pipeline.catalogs.demo_music.catalog import TrackPlan  # noqa: E402
from tests.scoring.serve.browser import Browser  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
RATE_HZ = 48_000
DURATION_S = 60
SHOTS = (
    ("serve.png", 1400, False),
    ("serve_dark.png", 1400, True),
    ("serve_phone.png", 400, False),
)
SCORED = "!document.getElementById('result').hidden"


def damaged_song() -> np.ndarray:
    """Make a song: as composed, MP3 at 64 kbit/s from 20 to 40 s, clipped from 45 to 50 s, hum."""
    x = np.asarray(TrackPlan(index=6, seed=1, duration_s=DURATION_S).samples(), np.float32)
    x = x if x.shape[0] > x.shape[1] else x.T
    x = 0.7 * x[: DURATION_S * RATE_HZ]
    part = slice(20 * RATE_HZ, 40 * RATE_HZ)
    jobs = [(to_int16(channel), MP3, CodecParams(64)) for channel in x.T]
    coded = encode_all(jobs)
    heard = decode([(stream.container, stream.bitstream) for stream in coded])
    delay = MP3.delay_samples
    x[part] = np.stack([channel[delay : delay + len(x)] for channel in heard], axis=1)[part]
    loud = slice(45 * RATE_HZ, 50 * RATE_HZ)
    x[loud] = np.clip(4 * x[loud], -0.9, 0.9)
    seconds = np.arange(len(x)) / RATE_HZ
    for harmonic, level_db in ((1, -42), (2, -46), (3, -50)):
        hum = 10 ** (level_db / 20) * np.sin(2 * np.pi * 50 * harmonic * seconds)
        x[50 * RATE_HZ :] += hum[50 * RATE_HZ :, None].astype(np.float32)
    return x


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        song = Path(name) / "synthesised song.flac"
        soundfile.write(song, damaged_song(), RATE_HZ)
        command = [sys.executable, "-m", "musqa_pipeline.cli", "serve", "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            line = server.stderr.readline()
            address = re.search(r"http://\S+/", line)
            if address is None:
                sys.exit(line)
            try:
                photograph(address[0], song)
            finally:
                server.terminate()


def photograph(address: str, song: Path) -> None:
    """Have a song scored, go to its first find, and save the page at each size."""
    with Browser() as page:
        page.open(address)
        page.wait_for("document.getElementById('model').textContent !== '…'")
        page.choose(song, "#file")
        page.wait_for(SCORED)
        page.value("document.getElementById('player').currentTime = 24")
        page.wait_for(
            "document.getElementById('timeline').getAttribute('aria-valuenow') === '24.0'"
        )
        for name, width, dark in SHOTS:
            for height in (900, page.value("document.documentElement.scrollHeight")):
                page.resize(width, height, dark=dark)
                page.value("new Promise((done) => setTimeout(done, 500))")
            height = page.value("document.documentElement.scrollHeight")
            page.resize(width, height, dark=dark)
            page.value("new Promise((done) => setTimeout(done, 500))")
            page.picture(PICTURES / name)
            make_small(PICTURES / name)


if __name__ == "__main__":
    main()
